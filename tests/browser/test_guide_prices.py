"""Steps 9 to 12 of docs/guide.md, "Charge for it", clicked as they are written, up to what an invoice needs.

Issuing a month is tests/browser/test_invoices.py; what calls then cost is tests/switch/test_prepaid.py.
"""

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Account
from dids.models import DID
from tests.cast import make_user
from tests.inventory import a_carrier, an_account, an_address, some_dids

pytestmark = pytest.mark.django_db(transaction=True)
NUMBER = "+44 20 7946 0018"


@pytest.fixture
def desk(live_server: LiveServer, context: BrowserContext) -> Iterator[Page]:
    """A page of an administrator's, after step 8 of the guide."""
    boss = make_user("ada", "administrator")
    carrier = a_carrier(boss)
    an_address(boss, carrier, "203.0.113.5")
    an_account(boss)
    some_dids(boss, carrier, NUMBER)
    client = Client()
    client.force_login(boss)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    page, complaints = context.new_page(), []
    page.set_default_timeout(15_000)
    page.on("console", lambda message: message.type in {"error", "warning"} and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(live_server.url)
    yield page
    assert complaints == []


def menu(page: Page, *names: str) -> None:
    bar = page.get_by_role("navigation").first
    for group in names[:-1]:
        bar.get_by_role("button", name=group, exact=True).click()
    bar.get_by_role("link", name=names[-1], exact=True).click()


def tab(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Tabs of").get_by_role("link", name=re.compile(rf"^{name}\b")).click()


def press(page: Page, name: str) -> None:
    page.locator("main").get_by_role("button", name=name, exact=True).click()


def follow(page: Page, name: str) -> None:
    page.locator("main").get_by_role("link", name=name, exact=True).first.click()


def said(page: Page, words: str) -> None:
    expect(page.get_by_role("status").filter(has_text=words).first).to_be_visible()


def rate_table(page: Page, name: str, rate: str) -> None:
    menu(page, "Products", "Rates")
    follow(page, "Add rate table")
    page.get_by_label("Name").fill(name)
    press(page, "Add")
    follow(page, "Add rate")
    page.get_by_label("Rate Minute, USD").fill(rate)
    press(page, "Add")
    said(page, "Rate for any number added.")


def product(page: Page, name: str, kind: str) -> None:
    menu(page, "Products", "Products")
    follow(page, "Add product")
    page.get_by_label("Name").fill(name)
    page.get_by_role("combobox", name="Kind").select_option(kind)
    press(page, "Add")
    follow(page, "Add mapping")
    page.get_by_role("combobox", name="Rate table").select_option(name)
    press(page, "Add")
    said(page, f"Mapping of any number to {name} added.")


def test_prices_credit_and_rentals_are_where_the_guide_says(desk: Page) -> None:
    page = desk
    # 9. "Products › Rates … Products › Products … Its tab Which rate applies answers for a number and an instant."
    for name, rate, kind in (("Clients", "0.06", "Account"), ("Acme", "-0.012", "Originating carrier")):
        rate_table(page, name, rate)
        expect(page.get_by_role("link", name="Import")).to_be_visible()
        product(page, name, kind)
    expect(page.get_by_text("choose it on an address of a carrier")).to_be_visible()
    tab(page, "Which rate applies")
    page.get_by_label("Number").fill(NUMBER)
    press(page, "Show the rate")
    expect(page.get_by_text("−0.012 USD").first).to_be_visible()
    # "Choose the product on the account's tab Main, or on the carrier's address (its tab Accounts)."
    menu(page, "Clients", "Accounts")
    follow(page, "Main office")
    page.get_by_role("combobox", name="Product").select_option("Clients")
    press(page, "Save")
    said(page, "Main office saved.")
    menu(page, "Carriers")
    follow(page, "Acme")
    tab(page, "Accounts")
    follow(page, "203.0.113.5")
    page.get_by_role("combobox", name="Product").select_option("Acme")
    press(page, "Save")
    said(page, "203.0.113.5 saved.")
    # "One number's page can Give it its own price instead."
    menu(page, "DIDs")
    follow(page, NUMBER)
    follow(page, "Give it its own price")
    page.get_by_label("Rate Minute").fill("0.5")
    press(page, "Save")
    said(page, f"Own price of {NUMBER} saved.")
    # 10. "Add payment on the account's page. For a client who pays afterwards set a Credit limit there. Tab Statement"
    menu(page, "Clients", "Accounts")
    follow(page, "Main office")
    page.get_by_label("Credit limit").fill("25")
    press(page, "Save")
    follow(page, "Add payment")
    page.get_by_label("Amount").fill("12.5")
    press(page, "Add payment")
    said(page, "Payment R-000001 of 12.50 USD added")
    tab(page, "Statement")
    expect(page.get_by_role("row").filter(has_text="R-000001")).to_contain_text("12.50")
    assert Account.objects.get().balance.credit_limit == 25
    # 11. "Add rental plan … Give it to a number on its tab Rental (Change plans), or to many by Rental plans"
    menu(page, "Products", "Rental plans")
    follow(page, "Add rental plan")
    page.get_by_label("Name").fill("London")
    page.get_by_role("combobox", name="Side").select_option("Sold")
    page.get_by_label("Monthly fee").fill("3")
    press(page, "Add")
    menu(page, "DIDs")
    follow(page, NUMBER)
    tab(page, "Rental")
    follow(page, "Change plans")
    page.get_by_role("combobox", name="Sold by plan").select_option("London – 3.00 USD a month")
    press(page, "Save")
    said(page, "saved.")
    assert str(DID.objects.get().sold_plan) == "London"
    menu(page, "DIDs")
    page.get_by_role("row").filter(has_text=NUMBER).get_by_role("checkbox").check()
    press(page, "Rental plans")
    expect(page.get_by_label("Bought by plan")).to_be_visible()
    # 12. "Settings › Billing: your company, tax and numbering … Clients › Invoices › Issue a month"
    menu(page, "Clients", "Invoices")
    follow(page, "Billing settings")
    for field in ("Company", "Address", "Tax rate", "Invoice prefix"):
        expect(page.get_by_label(field).first).to_be_visible()
    menu(page, "Clients", "Invoices")
    follow(page, "Issue a month")
    expect(page.get_by_role("button", name="Preview")).to_be_visible()
