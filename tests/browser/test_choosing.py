"""Choosing DIDs and following registrations in a real browser; any console error or page error fails the test."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Account, Registration
from billing.services import record_payment
from core.models import User
from dids.models import DID
from dids.services import map_dids
from tests.inventory import a_carrier, a_user, an_account, an_address, an_alias, some_dids

pytestmark = pytest.mark.django_db(transaction=True)

SERIOUS = {"serious", "critical"}


@pytest.fixture
def operator() -> User:
    return a_user()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console said; a test that provokes an error takes it out."""
    return []


@pytest.fixture
def desk(live_server: LiveServer, context: BrowserContext, complaints: list[str], operator: User) -> Iterator[Page]:
    """A page where an operator is logged in; it fails the test on whatever the console complains of."""
    client = Client()
    client.force_login(operator)
    session = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.on("console", lambda message: message.type in {"error", "warning"} and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert complaints == []


@pytest.fixture
def account(operator: User) -> Account:
    """An account with one alias; two carriers have DIDs to offer."""
    account = an_account(operator)
    an_alias(operator, account, "desk-101")
    some_dids(operator, a_carrier(operator, "Acme"), "+44 20 7946 0010 - 0039")
    some_dids(operator, a_carrier(operator, "Baltic"), "+371 6722 0100 - 0104")
    return account


def test_what_is_chosen_stays_chosen_while_other_numbers_are_searched(
    desk: Page, live_server: LiveServer, account: Account
) -> None:
    desk.goto(f"{live_server.url}/accounts/{account.pk}/dids/")
    desk.get_by_role("link", name="Add DID number").first.click()
    desk.wait_for_url("**/dids/add/")  # loaded with its scripts: what is typed before them searches nothing
    words = desk.locator("[data-chosen-words]")
    expect(words).to_have_text("Nothing chosen yet")
    desk.locator("[data-search]").fill("0014")
    expect(desk.locator("#list tbody tr")).to_have_count(1)
    desk.get_by_label("Choose +44 20 7946 0014").check()
    expect(words).to_have_text("1 chosen")
    desk.locator("[data-search]").fill("Riga")
    expect(desk.locator("#list tbody tr")).to_have_count(5)
    expect(words).to_have_text("1 chosen, 1 of them not shown")
    desk.get_by_label("Choose +371 67 220 101").check()
    # Back among the rows shown, the first choice is a tick again and counts once.
    desk.locator("[data-search]").fill("")
    expect(desk.get_by_label("Choose +44 20 7946 0014")).to_be_checked()
    expect(words).to_have_text("2 chosen")
    desk.locator("[data-search]").fill("Riga")
    expect(words).to_have_text("2 chosen, 1 of them not shown")
    # The only alias is chosen already; what a filter hides is mapped too.
    desk.get_by_role("button", name="Map").click()
    expect(desk.get_by_text("2 DID numbers mapped to desk-101")).to_be_visible()
    assert set(DID.objects.filter(alias__username="desk-101").values_list("number", flat=True)) == {
        "442079460014",
        "37167220101",
    }


def test_pages_of_the_list_keep_the_choice_and_the_back_button_works(
    desk: Page, live_server: LiveServer, account: Account
) -> None:
    desk.goto(f"{live_server.url}/accounts/{account.pk}/dids/add/?per_page=25")
    desk.get_by_label("Choose +44 20 7946 0010").check()
    desk.get_by_role("link", name="Next page").click()
    expect(desk.locator("[data-chosen-words]")).to_have_text("1 chosen, 1 of them not shown")
    assert "page=2" in desk.url
    desk.get_by_role("link", name="Previous page").click()
    expect(desk.get_by_label("Choose +44 20 7946 0010")).to_be_checked()


def test_a_search_that_fails_loses_no_choice_and_says_so(
    desk: Page, live_server: LiveServer, account: Account, complaints: list[str]
) -> None:
    desk.goto(f"{live_server.url}/accounts/{account.pk}/dids/add/")
    desk.get_by_label("Choose +44 20 7946 0010").check()
    desk.route("**/dids/add/?q=*", lambda route: route.fulfill(status=500, body="no"))
    desk.locator("[data-search]").fill("Riga")
    expect(desk.get_by_text("Nothing was changed")).to_be_visible()
    expect(desk.get_by_label("Choose +44 20 7946 0010")).to_be_checked()
    expect(desk.locator("[data-chosen-words]")).to_have_text("1 chosen")
    assert complaints and all("500" in words for words in complaints)
    complaints.clear()


def test_an_address_form_opens_in_its_tab_and_errors_stand_beside_the_field(
    desk: Page, live_server: LiveServer, operator: User, complaints: list[str]
) -> None:
    carrier = a_carrier(operator, "Acme")
    desk.goto(f"{live_server.url}/carriers/{carrier.pk}/accounts/")
    desk.get_by_role("link", name="Add IP address").first.click()
    field = desk.get_by_label("IP address", exact=False).first
    expect(field).to_be_focused()
    field.fill("203.0.113.9/28")
    desk.get_by_label("subnet").check()
    desk.get_by_role("button", name="Add", exact=True).click()
    expect(desk.get_by_text("has host bits set: write 203.0.113.0/28")).to_be_visible()
    assert field.input_value() == "203.0.113.9/28"
    expect(desk.get_by_label("subnet")).to_be_checked()
    field.fill("203.0.113.0/28")
    desk.get_by_role("button", name="Add", exact=True).click()
    expect(desk.get_by_text("203.0.113.0/28 added")).to_be_visible()
    assert all("422" in words for words in complaints), complaints
    complaints.clear()


def test_a_registration_appears_on_the_open_page(desk: Page, live_server: LiveServer, account: Account) -> None:
    alias, now = account.aliases.get(), timezone.now()
    desk.goto(f"{live_server.url}/aliases/{alias.pk}/")
    expect(desk.get_by_text("No phone has registered as desk-101")).to_be_visible()
    Registration.objects.create(
        alias=alias, switch="sw1", contact="sip:desk-101@10.0.0.7", received="198.51.100.9:31044", registered_at=now,
        refreshed_at=now, expires_at=now + dt.timedelta(minutes=5),
    )  # fmt: skip
    expect(desk.get_by_text("198.51.100.9:31044")).to_be_visible(timeout=10_000)


def test_axe_finds_nothing_serious(desk: Page, live_server: LiveServer, operator: User, account: Account) -> None:
    alias = account.aliases.get()
    carrier = a_carrier(operator, "Third")
    entry = an_address(operator, carrier, "203.0.113.0/26")
    did = DID.objects.earliest("number")
    map_dids(actor=operator, did_ids=[did.pk], alias=alias, account=account)
    paid = record_payment(actor=operator, balance=account.balance, amount=Decimal(10), idempotency_key="axe")
    c, a = f"/carriers/{carrier.pk}", f"/accounts/{account.pk}"
    both = [
        f"{a}/statement/",
        f"{c}/",
        f"{c}/accounts/",
        f"{a}/dids/",
        f"{a}/dids/add/",
        f"/aliases/{alias.pk}/",
        f"/dids/{did.pk}/",
    ]
    light = [
        "/carriers/", f"/carriers/addresses/{entry.pk}/", f"{c}/accounts/paste/", f"{c}/dids/add/", f"{c}/ledger/",
        "/accounts/", f"{a}/", f"{a}/aliases/", "/registrations/", "/dids/", f"/dids/{did.pk}/history/",
        f"/dids/{did.pk}/unmap/", "/products/1/", "/products/1/price/", "/rates/1/",
        f"/ledger/{paid.pk}/", "/ledger/check/", f"{a}/archive/",
    ]  # fmt: skip
    found = []
    for scheme, paths in (("light", both + light), ("dark", both)):
        desk.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for path in paths:
            desk.goto(live_server.url + path)
            found += [
                f"{scheme} {path}: {violation['id']}: {[node['html'] for node in violation['nodes'][:3]]}"
                for violation in Axe().run(desk).response["violations"]
                if violation["impact"] in SERIOUS
            ]
    assert not found, "\n".join(found)
