"""Billing a month in a real browser: preview, progress, an invoice, a credit note; axe finds nothing serious."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from billing.choices import EntryKind
from cdr.invoices.models import Invoice, InvoiceRun
from cdr.invoices.tasks import issue_run
from core.models import User
from tests.invoices.books import a_call, a_customer, a_seller, an_administrator, book, october

pytestmark = pytest.mark.django_db(transaction=True)
SERIOUS = {"serious", "critical"}


@pytest.fixture
def boss() -> User:
    return an_administrator()


@pytest.fixture
def desk(live_server: LiveServer, context: BrowserContext, boss: User) -> Iterator[Page]:
    """A page of an administrator's, who has something to bill; it fails on whatever the console complains of."""
    a_seller(boss)
    account = a_customer(boss)
    a_call(account, "1.25", october(2))
    book(account, EntryKind.ADJUSTMENT, "-2", october(3), note="Set-up by hand")
    client = Client()
    client.force_login(boss)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    page, complaints = context.new_page(), []
    page.on("console", lambda message: message.type in {"error", "warning"} and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert complaints == []


def serious(page: Page) -> list[str]:
    """Return what axe finds on the page as it is."""
    return [
        f"{page.url}: {violation['id']}: {[node['html'] for node in violation['nodes'][:3]]}"
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in SERIOUS
    ]


def test_a_month_is_previewed_issued_and_corrected(
    desk: Page, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cdr.invoices.tasks.issue_run.delay", lambda pk: None)
    found = []
    desk.goto(f"{live_server.url}/invoices/runs/add/")
    desk.get_by_label("Month").select_option("2026-10-01")
    desk.get_by_role("button", name="Preview").click()
    expect(desk.get_by_text("Nothing has been billed yet")).to_be_visible()
    found += serious(desk)
    desk.get_by_role("link", name="Issue all").click()
    desk.get_by_role("button", name="Issue").click()
    expect(desk.get_by_text("0 of 1 accounts")).to_be_visible()
    # The worker comes: the page notices by itself.
    issue_run(InvoiceRun.objects.get().pk)
    expect(desk.get_by_text("1 issued.")).to_be_visible()
    desk.get_by_role("link", name="INV-2026-00001").click()
    expect(desk.get_by_text("Please pay 3.90 EUR")).to_be_visible()
    found += serious(desk)
    desk.get_by_role("link", name="Credit").click()
    line = desk.get_by_label("Set-up by hand")
    expect(line).to_be_hidden()
    desk.get_by_label("The amounts below").check()
    line.fill("0.5")
    desk.get_by_label("Reason").fill("Half an hour less")
    found += serious(desk)
    desk.get_by_role("button", name="Issue credit note").click()
    expect(desk.get_by_text("Credit note CN-2026-00001 issued: −0.60 EUR.")).to_be_visible()
    assert Invoice.objects.get(kind="credit_note").lines.get().description == "Set-up by hand"
    invoice, run = Invoice.objects.earliest("pk"), InvoiceRun.objects.get()
    desk.emulate_media(color_scheme="dark")
    for path in ("/settings/billing/", "/invoices/", invoice.get_absolute_url(), run.get_absolute_url(), "/mail/"):
        desk.goto(live_server.url + path)
        found += serious(desk)
    assert not found, "\n".join(found)
