"""A rate is edited where it stands; a searched number shows what prices it; a day shows what a code cost then."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from billing.models import Rate, RateTable
from billing.rate_history import codes_on
from core.business_time import day_start
from tests.inventory import a_product

VALUES = {"code": "371", "description": "Latvia", "rate_minute": "0.03", "rate_call": "0", "increment": "1",
          "grace": "0", "minimal_duration": "0", "enabled": "on"}  # fmt: skip


@pytest.fixture
def rate(db: None) -> Rate:
    table = RateTable.objects.create(name="Baltics", currency="EUR")
    Rate.objects.create(table=table, code="3712", rate_minute="0.05")
    return Rate.objects.create(table=table, code="371", rate_minute="0.02", description="Latvia")


def as_row(browser: Browser, rate: Rate, method: str = "get", **more: Any) -> Any:
    """Ask as htmx does for one row of the list."""
    headers = {"HX-Request": "true", "HX-Target": f"rate-{rate.pk}", "HX-Current-URL": more.pop("current", "")}
    ask = getattr(browser, method)
    return ask(more.pop("address", reverse("billing:rate_edit", args=[rate.pk])), more.get("data"), headers=headers)


def test_a_row_is_edited_in_its_place_and_comes_back_as_it_is_now(operator_page: Browser, rate: Rate) -> None:
    form = as_row(operator_page, rate).content.decode()
    assert form.strip().startswith(f'<tr id="rate-{rate.pk}" class="row-editor"') and 'value="0.02"' in form
    saved = as_row(operator_page, rate, "post", data=VALUES).content.decode()
    assert saved.strip().startswith("<tr") and "0.03" in saved and "<form" not in saved and "<html" not in saved
    rate.refresh_from_db()
    assert rate.rate_minute == Decimal("0.03")
    again = as_row(operator_page, rate, address=reverse("billing:rate_edit", args=[rate.pk]) + "?cancel")
    assert "0.03" in again.content.decode() and "<form" not in again.content.decode()
    few = as_row(operator_page, rate, "post", data=VALUES, current="http://x/?columns=code,rate_minute")
    assert "Latvia" not in few.content.decode()


def test_what_is_wrong_stands_in_the_row_beside_its_field(operator_page: Browser, rate: Rate) -> None:
    wrong = as_row(operator_page, rate, "post", data=VALUES | {"rate_minute": "0.0000001", "description": "kept"})
    assert wrong.status_code == 422
    shown = wrong.content.decode()
    assert "at most 6 decimals" in shown and 'value="kept"' in shown and 'value="0.0000001"' in shown
    twice = as_row(operator_page, rate, "post", data=VALUES | {"code": "3712"})
    assert twice.status_code == 422
    rate.refresh_from_db()
    assert (rate.code, rate.rate_minute) == ("371", Decimal("0.02"))


def test_without_script_it_is_a_plain_form(operator_page: Browser, support_page: Browser, rate: Rate) -> None:
    address = reverse("billing:rate_edit", args=[rate.pk])
    assert "<html" in operator_page.get(address).content.decode()
    assert operator_page.post(address, VALUES).status_code == 302
    assert support_page.post(address, VALUES).status_code == 403


def test_a_search_names_the_code_that_prices_the_digits(operator_page: Browser, rate: Rate) -> None:
    def search(text: str) -> str:
        return operator_page.get(rate.table.get_absolute_url(), {"q": text}).content.decode()

    assert "0.05" in search("+371 2 0000") and "is priced by code" in search("+371 2 0000")
    # Codes that the digits begin with, and codes that begin with the digits.
    shown = search("3712")
    assert f"rate-{rate.pk}" in shown and "rate-" in shown
    assert "No code of this table prices" in search("49")
    Rate.objects.filter(code="3712").update(enabled=False)
    assert "is blocked by code" in search("37120000000")
    assert "No code" not in search("latvia") and f"rate-{rate.pk}" in search("latvia")


def test_a_day_shows_each_version_that_stood_then(operator_page: Browser, rate: Rate) -> None:
    from django.apps import apps

    events = apps.get_model("billing", "RateEvent")._default_manager
    Rate.objects.filter(pk=rate.pk).update(rate_minute="0.04")
    Rate.objects.filter(pk=rate.pk).update(rate_minute="0.06", enabled=False)
    Rate.objects.get(code="3712").delete()
    start = day_start(dt.date(2026, 6, 1))
    hour = dt.timedelta(hours=1)
    moments = [start - 30 * hour, start + 6 * hour, start + 30 * hour]
    for event, at in zip(events.filter(pgh_obj_id=rate.pk).order_by("pgh_id"), moments, strict=True):
        events.filter(pk=event.pk).update(pgh_created_at=at)
    gone = events.filter(code="3712").order_by("pgh_id")
    for event, at in zip(list(gone), [start - 40 * hour, start + 12 * hour], strict=True):
        events.filter(pk=event.pk).update(pgh_created_at=at)

    def told(day: str) -> list[tuple[str, bool, list[str]]]:
        found = codes_on(rate.table, "37120000000", dt.date.fromisoformat(day))
        return [
            (one.code, one.prices, [f"{version.row.rate_minute.normalize()}" for version in one.versions])
            for one in found
        ]

    assert told("2026-05-31") == [("3712", True, ["0.05"]), ("371", False, ["0.02"])]
    assert told("2026-06-01") == [("3712", False, ["0.05"]), ("371", True, ["0.02", "0.04"])]
    assert told("2026-06-02") == [("371", True, ["0.04", "0.06"])]
    assert told("2026-06-03") == [("371", True, ["0.06"])]
    assert told("2026-05-01") == []
    address = reverse("billing:ratetable_day", args=[rate.table_id])
    page = operator_page.get(address, {"code": "+371 2000 0000", "day": "2026-06-01"}).content.decode()
    assert "Longest code" in page and "0.05" in page and "0.04" in page
    nothing = operator_page.get(address, {"code": "371", "day": "2020-01-01"}).content.decode()
    assert "No code of this table started" in nothing
    assert "Digits only" in operator_page.get(address, {"code": "abc", "day": ""}).content.decode()


def test_the_product_page_says_why_and_what_lost(operator_page: Browser) -> None:
    product = a_product("USD", "0.01")
    old, new = (RateTable.objects.create(name=name, currency="USD") for name in ("Old prices", "New prices"))
    for table in (old, new):
        Rate.objects.create(table=table, code="371", rate_minute="0.05")
        Rate.objects.create(table=table, code="3712", rate_minute="0.06", enabled=table == new)
    for table, month in ((old, 1), (new, 6)):
        product.mappings.create(prefix="371", rate_table=table, starts_at=dt.datetime(2026, month, 1, tzinfo=dt.UTC))
    address = reverse("billing:product_price", args=[product.pk])

    def page(at: str) -> str:
        return operator_page.get(address, {"number": "+371 2000 0000", "at": at}).content.decode()

    before = page("2026-05-31T23:59")
    assert "not in force yet at that time" in before and "a longer prefix goes before it" in before
    assert "and it is disabled: it blocks" in before and "destination_blocked" in before
    after = page("2026-06-01T00:00")
    assert "replaced by a mapping of the same prefix" in after
    assert "the longest code that starts the number" in after and "a longer code goes before it" in after
