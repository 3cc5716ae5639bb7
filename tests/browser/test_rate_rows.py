"""A rate is edited where it stands, by keyboard alone; any console error fails the test."""

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from billing.models import Rate, RateTable
from tests.cast import make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rates(live_server: LiveServer, context: BrowserContext) -> Iterator[Page]:
    """The page of a table of two codes, opened by an operator."""
    table = RateTable.objects.create(name="Baltics", currency="EUR")
    for code, price in (("371", "0.02"), ("372", "0.03")):
        Rate.objects.create(table=table, code=code, rate_minute=price)
    client, complaints = Client(), []
    client.force_login(make_user("olga", "operator"))
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    page = context.new_page()
    page.on("console", lambda message: message.type in {"error", "warning"} and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{live_server.url}{table.get_absolute_url()}")
    yield page
    # A refused value is answered with 422, which the browser itself writes to its console.
    assert [words for words in complaints if "422" not in words] == []


def test_a_row_is_opened_refused_saved_and_left_by_keyboard(rates: Page) -> None:
    page = rates
    page.keyboard.press("j")
    page.keyboard.press("e")
    price = page.locator("[data-row-editor] input[name=rate_minute]")
    expect(price).to_be_focused()
    page.keyboard.type("0.0000001")
    page.keyboard.press("Enter")
    expect(page.locator("[data-row-editor]")).to_contain_text("at most 6 decimals")
    expect(price).to_be_focused()
    assert price.input_value() == "0.0000001"
    page.keyboard.type("0.025")
    page.keyboard.press("Enter")
    expect(page.locator("[data-row-editor]")).to_have_count(0)
    expect(page.locator("tbody tr").first).to_contain_text("0.025")
    assert Rate.objects.get(code="371").rate_minute == Rate._meta.get_field("rate_minute").to_python("0.025")
    # Focus came back to the row, so the next one is two keys away; Escape leaves it as it was.
    expect(page.locator("tbody tr").first.locator("[data-row-edit]")).to_be_focused()
    page.locator("tbody tr").nth(1).locator("[data-row-edit]").click()
    expect(price).to_be_focused()
    page.keyboard.type("9")
    page.keyboard.press("Escape")
    expect(page.locator("[data-row-editor]")).to_have_count(0)
    expect(page.locator("tbody tr").nth(1)).to_contain_text("0.03")


def test_a_row_that_has_just_come_back_is_sent_as_a_row(rates: Page) -> None:
    """Whoever is faster than the page finds no moment in which Enter would open the rate's own page."""
    page = rates
    page.locator("[data-row-edit]").first.click()
    price = page.locator("[data-row-editor] input[name=rate_minute]")
    price.fill("much")
    page.evaluate(
        """() => new MutationObserver((changes, observer) => {
          const row = document.querySelector("[data-row-editor]:has(.is-invalid)");
          if (!row) return;
          observer.disconnect();
          row.querySelector("input[name=rate_minute]").value = "0.025";
          row.querySelector("form").requestSubmit();
        }).observe(document.querySelector("tbody"), {childList: true, subtree: true})"""
    )
    price.press("Enter")
    expect(page.locator("tbody tr").first).to_contain_text("0.025")
    expect(page.locator("[data-row-editor]")).to_have_count(0)
    expect(page).to_have_title(re.compile("Baltics"))


def test_amounts_stand_under_each_other_while_rows_come_back_alone(rates: Page) -> None:
    page, prices = rates, rates.locator("tbody td .num:has(.unit)")
    edit, price = page.locator("[data-row-edit]"), page.locator("[data-row-editor] input[name=rate_minute]")
    edit.first.click()
    price.fill("0.0125")
    price.press("Enter")
    expect(prices).to_have_text(["0.0125 EUR", "0.00 EUR", "0.0300 EUR", "0.00 EUR"])
    edit.nth(1).click()
    price.fill("0.5")
    price.press("Enter")
    expect(prices).to_have_text(["0.0125 EUR", "0.00 EUR", "0.5000 EUR", "0.00 EUR"])
