"""Invoices on their way to clients, and credit notes, from their pages; the mail server is a real one."""

import io
from collections.abc import Iterator
from decimal import Decimal

import pypdf
import pytest
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.test import Client as Browser
from django.urls import reverse
from pytest_django import Settings

from accounts.models import Account
from billing.choices import EntryKind
from cdr.invoices.issuing import draft_invoice, issue_invoice
from cdr.invoices.models import Invoice
from cdr.invoices.sending import send_invoice
from core.models import User
from systemlog.mail.delivery import AWAY, deliver
from systemlog.mail.models import OutgoingMail
from systemlog.models import LogEntry
from tests.invoices.books import OCTOBER, a_call, a_customer, a_seller, book, october
from tests.mail.server import Keeper, mail_server

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings: Settings) -> Iterator[Keeper]:
    cache.delete(AWAY)
    with mail_server() as (keeper, host, port):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = host, port
        settings.EMAIL_HOST_USER, settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = "", False, False
        yield keeper


@pytest.fixture
def invoice(administrator: User) -> Invoice:
    a_seller(administrator, mail_from="billing@aurora.example", reply_to="help@aurora.example")
    account: Account = a_customer(administrator, "Ελληνικά Δίκτυα", email="pay@bloom.example")
    a_call(account, "1", october(2))
    draft = draft_invoice(actor=administrator, account=account, first_day=OCTOBER[0], last_day=OCTOBER[1])
    return issue_invoice(actor=administrator, invoice=draft)


def test_an_invoice_is_sent_with_its_pdf_and_again(server: Keeper, invoice: Invoice, operator_page: Browser) -> None:
    url = reverse("invoices:invoice_send", args=[invoice.pk])
    assert 'value="pay@bloom.example"' in operator_page.get(url).content.decode()
    form = {"to": "pay@bloom.example", "form_id": "6dcbb1ae-7de5-4b17-9a42-1be1b4e6e1a1"}
    for _ in range(2):  # a double click is one message
        assert operator_page.post(url, form).status_code == 302
    mail = OutgoingMail.objects.get()
    assert deliver(mail.pk) == "sent"
    (message,) = server.messages
    assert message["From"] == "Aurora Telecom Ltd <billing@aurora.example>"
    assert (message["Reply-To"], message["To"]) == ("help@aurora.example", "pay@bloom.example")
    assert message["Subject"] == "Invoice INV-2026-00001 from Aurora Telecom Ltd"
    body = message.get_body().get_content()  # type: ignore[union-attr]
    assert "Dear Ελληνικά Δίκτυα" in body and "Please pay 1.20 EUR" in body
    (file,) = message.iter_attachments()
    assert file.get_filename() == "INV-2026-00001.pdf"
    text = pypdf.PdfReader(io.BytesIO(file.get_content())).pages[0].extract_text()
    assert "Invoice INV-2026-00001" in text and "Ελληνικά Δίκτυα" in text
    page = operator_page.get(invoice.get_absolute_url()).content.decode()
    assert "pay@bloom.example" in page and ">Sent</span>" in page.replace("\n", "")
    log = LogEntry.objects.get(reason="mail_sent")
    assert {ref["kind"] for ref in log.refs} == {"account", "client"}
    again = form | {"form_id": "6dcbb1ae-7de5-4b17-9a42-1be1b4e6e1a2", "to": "boss@bloom.example"}
    operator_page.post(url, again)
    assert OutgoingMail.objects.count() == 2


def test_what_cannot_be_sent_says_why(
    server: Keeper, invoice: Invoice, operator_page: Browser, support_page: Browser, settings: Settings
) -> None:
    url = reverse("invoices:invoice_send", args=[invoice.pk])
    form = {"to": "a@b.example\nBcc: x@y.example", "form_id": "6dcbb1ae-7de5-4b17-9a42-1be1b4e6e1a1"}
    answer = operator_page.post(url, form)
    assert answer.status_code == 422 and "Enter a valid email" in answer.content.decode()
    assert support_page.post(url, form).status_code == 403
    draft = Invoice(pk=1, state="draft")
    with pytest.raises(ValidationError, match="A draft"):
        send_invoice(actor=None, invoice=draft, to="a@b.example", key="x")
    with pytest.raises(ValidationError, match="no e-mail address"):
        send_invoice(actor=None, invoice=invoice, to="", key="x")
    settings.EMAIL_HOST = ""
    answer = operator_page.post(url, form | {"to": "a@b.example"})
    assert answer.status_code == 422 and "No mail server is set" in answer.content.decode()
    assert not OutgoingMail.objects.exists()


def test_an_administrator_credits_by_the_page_and_nobody_else(
    invoice: Invoice, admin_page: Browser, operator_page: Browser
) -> None:
    url = reverse("invoices:invoice_credit", args=[invoice.pk])
    line = invoice.lines.get()
    assert operator_page.get(url).status_code == 403
    assert "Up to 1.00 EUR" in admin_page.get(url).content.decode()
    form = {"reason": "Outage", "effect": "give_back", "extent": "parts", "notes_seen": "0", f"line_{line.pk}": "5"}
    answer = admin_page.post(url, form)
    assert answer.status_code == 422 and "Of this line 1 can be credited" in answer.content.decode()
    assert 'value="5"' in answer.content.decode()
    assert admin_page.post(url, form | {f"line_{line.pk}": "0.5"}).status_code == 302
    note = Invoice.objects.get(kind="credit_note")
    assert (note.gross, note.number) == (Decimal("-0.60"), "CN-2026-00001")
    page = admin_page.get(note.get_absolute_url()).content.decode()
    assert "Credit note CN-2026-00001" in page and "Credits Invoice INV-2026-00001" in page
    assert "CN-2026-00001" in admin_page.get(invoice.get_absolute_url()).content.decode()
    answer = admin_page.get(reverse("invoices:invoice_pdf", args=[note.pk]))
    text = pypdf.PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()
    assert "Total credited" in text and "−0.60 EUR" in text and "Outage" in text


def test_an_invoice_of_very_many_lines_is_credited_as_a_whole(administrator: User, admin_page: Browser) -> None:
    a_seller(administrator)
    account = a_customer(administrator)
    for number in range(301):
        book(account, EntryKind.ADJUSTMENT, "-0.01", october(3), note=f"No. {number}")
    draft = draft_invoice(actor=administrator, account=account, first_day=OCTOBER[0], last_day=OCTOBER[1])
    invoice = issue_invoice(actor=administrator, invoice=draft)
    url = reverse("invoices:invoice_credit", args=[invoice.pk])
    page = admin_page.get(url).content.decode()
    assert "The amounts below" not in page and "line_" not in page
    form = {"reason": "x", "effect": "give_back", "extent": "whole", "notes_seen": "0"}
    assert admin_page.post(url, form).status_code == 302
    invoice.refresh_from_db()
    assert invoice.state == "credited"
    assert "These are the first lines" in admin_page.get(invoice.get_absolute_url()).content.decode()
