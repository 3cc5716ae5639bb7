"""Pages of invoices: drafted, looked at, issued, read on paper and exported, each by whoever may."""

import datetime as dt
import io
from decimal import Decimal

import pypdf
import pytest
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import Account
from billing.choices import EntryKind
from cdr.invoices.models import Invoice
from core.business_time import today
from core.models import User
from tests.invoices.books import a_call, a_customer, a_seller, book, october

pytestmark = pytest.mark.django_db
FORM = {"first_day": "2026-10-01", "last_day": "2026-10-31"}


@pytest.fixture
def account(administrator: User) -> Account:
    a_seller(administrator, payment_terms="Bank transfer, please.", footer="IBAN GB29")
    return a_customer(administrator, "Ελληνικά Δίκτυα <b>&</b>")


def shown(browser: Browser, url: str) -> str:
    response = browser.get(url)
    assert response.status_code == 200
    return response.content.decode()


def paper(browser: Browser, invoice: Invoice) -> str:
    response = browser.get(reverse("invoices:invoice_pdf", args=[invoice.pk]))
    assert response["Content-Type"] == "application/pdf"
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(response.content)).pages)


def drafted(browser: Browser, account: Account) -> Invoice:
    answer = browser.post(reverse("invoices:invoice_add"), FORM | {"account": account.pk})
    assert answer.status_code == 302, answer.content.decode()
    return Invoice.objects.latest("pk")


def test_an_operator_drafts_looks_and_issues(operator_page: Browser, support_page: Browser, account: Account) -> None:
    assert "No invoice yet" in shown(operator_page, reverse("invoices:invoice_list"))
    a_call(account, "1.005", october(3))
    invoice = drafted(operator_page, account)
    page = shown(operator_page, invoice.get_absolute_url())
    assert "Draft for" in page and "+44 20 7946 0018: 1 call" in page and "This is a draft and no invoice." in page
    assert "<b>&" not in page
    assert "Invoice (draft)" in paper(support_page, invoice)
    assert operator_page.post(reverse("invoices:invoice_issue", args=[invoice.pk])).status_code == 302
    page = shown(support_page, invoice.get_absolute_url())
    assert "Invoice INV-2026-00001" in page and "Please pay 1.21" in page
    assert "Discard" not in page and "Issue<" not in page
    for owner in (account, account.client):
        name = f"accounts:{owner._meta.model_name}_invoices"
        assert "INV-2026-00001" in shown(support_page, reverse(name, args=[owner.pk]))
    assert "1.005" in shown(support_page, reverse("invoices:invoice_charges", args=[invoice.pk]))


def test_the_paper_says_what_the_page_says(operator_page: Browser, account: Account) -> None:
    a_call(account, "1.005", october(3))
    book(account, EntryKind.ADJUSTMENT, "0.25", october(4), note="Sorry for <i>that</i>")
    invoice = drafted(operator_page, account)
    operator_page.post(reverse("invoices:invoice_issue", args=[invoice.pk]))
    invoice.refresh_from_db()
    text = paper(operator_page, invoice)
    for words in (
        "Invoice INV-2026-00001", "Aurora Telecom Ltd", "Ελληνικά Δίκτυα <b>&</b>", "5 Long Street", "VAT no. LV 1",
        "VAT no. GB 123 4567 89", "October 2026", "+44 20 7946 0018: 1 call", "1.005", "Sorry for <i>that</i>", "−0.25",
        "Sum of the lines", "0.755 EUR", "Rounding", "0.005 EUR", "0.76 EUR", "VAT 20 %", "0.15 EUR", "0.91 EUR",
        "Please pay 0.91 EUR by", "Bank transfer, please.", "IBAN GB29", "Page 1 of 1",
    ):  # fmt: skip
        assert words in text, words
    first = operator_page.get(reverse("invoices:invoice_pdf", args=[invoice.pk])).content
    a_seller(User.objects.get(username="ada"), name="Another company", tax_rate=Decimal(5))
    assert operator_page.get(reverse("invoices:invoice_pdf", args=[invoice.pk])).content == first


def test_a_line_says_which_of_its_minutes_were_free(operator_page: Browser, account: Account) -> None:
    a_call(account, "0.5", october(3), seconds=90, free=30)
    a_call(account, "1", october(4), seconds=60)
    a_call(account, "1", october(5), number="37167220100")
    invoice = drafted(operator_page, account)
    said = "+44 20 7946 0018: 2 calls, of these 0.50 min free"
    lines = shown(operator_page, reverse("invoices:invoice_lines", args=[invoice.pk]))
    for words in (shown(operator_page, invoice.get_absolute_url()), lines, paper(operator_page, invoice)):
        assert said in words and "2.50" in words and words.count("min free") == 1


def test_the_amounts_of_the_lines_stand_under_each_other(operator_page: Browser, account: Account) -> None:
    a_call(account, "0.123456", october(3))
    a_call(account, "5", october(4), number="37167220100")
    invoice = drafted(operator_page, account)
    lines = shown(operator_page, reverse("invoices:invoice_lines", args=[invoice.pk]))
    assert '"num">0.123456 <' in lines and '"num">5.000000 <' in lines


def test_exports_neutralise_formulas(operator_page: Browser, account: Account) -> None:
    a_call(account, "1", october(3))
    book(account, EntryKind.ADJUSTMENT, "-1", october(4), note="=HYPERLINK(1)")
    invoice = drafted(operator_page, account)
    operator_page.post(reverse("invoices:invoice_issue", args=[invoice.pk]))
    for name in ("invoices:invoice_lines", "invoices:invoice_charges"):
        answer = operator_page.get(reverse(name, args=[invoice.pk]), {"export": "csv"})
        text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
        assert "'=HYPERLINK(1)" in text
    answer = operator_page.get(reverse("invoices:invoice_list"), {"export": "csv"})
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert "INV-2026-00001" in text and "2.40" in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"first_day": "2026-11-01"}, "ends before it begins"),
        ({"first_day": "soon"}, "Enter a valid date"),
        ({"last_day": "9999-12-31"}, "less than or equal to 2100"),
        ({"first_day": "0001-01-01"}, "greater than or equal to 2000"),
        ({"account": "987654321"}, "Select a valid choice"),
        ({"first_day": "2026-08-01", "last_day": "2026-08-31"}, "nothing to bill"),
    ],
)
def test_a_period_that_cannot_be_is_said_beside_it(
    operator_page: Browser, account: Account, changes: dict[str, str], words: str
) -> None:
    a_call(account, "1", october(3))
    answer = operator_page.post(reverse("invoices:invoice_add"), {**FORM, "account": account.pk, **changes})
    assert answer.status_code == 422 and words in answer.content.decode()


def test_a_draft_of_a_month_that_goes_on_says_from_when_on_it_is_issued(
    operator_page: Browser, account: Account
) -> None:
    a_call(account, "1", october(3))
    last = today() + dt.timedelta(days=2)
    operator_page.post(reverse("invoices:invoice_add"), {**FORM, "account": account.pk, "last_day": last.isoformat()})
    invoice = Invoice.objects.get()
    page = shown(operator_page, invoice.get_absolute_url())
    assert f"it can be issued from {last + dt.timedelta(days=1):%-d %b %Y} on" in page
    assert reverse("invoices:invoice_issue", args=[invoice.pk]) not in page


def test_without_a_seller_the_empty_list_leads_to_the_billing_settings(
    admin_page: Browser, administrator: User
) -> None:
    page, settings = reverse("invoices:invoice_list"), reverse("seller:billingsettings")
    a_seller(administrator, name="", address="")
    assert f'href="{settings}"' in shown(admin_page, page)
    a_seller(administrator)
    assert f'href="{settings}"' not in shown(admin_page, page)


def test_a_draft_is_refreshed_or_thrown_away(operator_page: Browser, account: Account) -> None:
    a_call(account, "1", october(3))
    invoice = drafted(operator_page, account)
    a_call(account, "2", october(4))
    refused = operator_page.post(reverse("invoices:invoice_issue", args=[invoice.pk]))
    assert refused.status_code == 422 and "changed since" in refused.content.decode()
    assert operator_page.post(reverse("invoices:invoice_refresh", args=[invoice.pk])).status_code == 302
    assert "3.60" in shown(operator_page, invoice.get_absolute_url())
    assert operator_page.post(reverse("invoices:invoice_discard", args=[invoice.pk])).status_code == 302
    assert not Invoice.objects.exists()


def test_a_draft_says_what_it_lacks(operator_page: Browser, administrator: User) -> None:
    account = a_customer(administrator, billing_address="")
    a_call(account, "1", october(3))
    page = shown(operator_page, drafted(operator_page, account).get_absolute_url())
    assert "lack the company and the address" in page and "has no billing address" in page


def test_two_hundred_lines_go_over_pages(operator_page: Browser, account: Account) -> None:
    for number in range(200):
        a_call(account, "0.01", october(3), number=f"44207946{number:04d}")
    invoice = drafted(operator_page, account)
    text = paper(operator_page, invoice)
    assert text.count("1 call") == 200 and "Page 6 of" in text
    assert "Amount, EUR" in text


def test_other_systems_read_invoices_over_http(operator_page: Browser, support_page: Browser, account: Account) -> None:
    a_call(account, "1.005", october(3))
    invoice = drafted(operator_page, account)
    operator_page.post(reverse("invoices:invoice_issue", args=[invoice.pk]))
    (found,) = support_page.get("/api/v1/invoices/", {"number": "INV-2026-00001"}).json()["results"]
    assert (found["gross"], found["state"], "lines" in found) == ("1.210000", "issued", False)
    whole = support_page.get(f"/api/v1/invoices/{invoice.pk}/").json()
    assert whole["lines"][0]["amount"] == "1.005000"
    assert support_page.get("/api/v1/invoices/", {"account": account.pk + 1}).status_code == 400
    assert operator_page.delete(f"/api/v1/invoices/{invoice.pk}/").status_code == 405


def test_a_credit_form_that_is_sent_twice_gives_back_once(
    admin_page: Browser, operator_page: Browser, account: Account
) -> None:
    """A double click, or the browser's back button and another click: a credit note cannot be taken back."""
    a_call(account, "10", october(2))
    invoice = drafted(operator_page, account)
    operator_page.post(reverse("invoices:invoice_issue", args=[invoice.pk]))
    url = reverse("invoices:invoice_credit", args=[invoice.pk])
    opened = admin_page.get(url).context["form"]
    line = invoice.lines.get()
    sent = {
        "reason": "Outage", "effect": "give_back", "extent": "parts", f"line_{line.pk}": "2",
        "notes_seen": opened["notes_seen"].value(),
    }  # fmt: skip
    assert admin_page.post(url, sent).status_code == 302
    again = admin_page.post(url, sent)
    assert again.status_code == 422
    assert "Credit note CN-2026-00001 was issued since this form was opened" in again.content.decode()
    assert invoice.credit_notes.count() == 1
    sent["notes_seen"] = admin_page.get(url).context["form"]["notes_seen"].value()
    assert admin_page.post(url, sent).status_code == 302
