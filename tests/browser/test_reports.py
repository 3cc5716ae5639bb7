"""The reports' script in a real browser: a plot is drawn, follows the period, and a failure is said in its place."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from cdr.reports.rollup import renew_due
from tests.cast import make_user
from tests.reports.calls import a_call

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console said; a test that provokes an error takes it out."""
    return []


@pytest.fixture
def desk(live_server: LiveServer, context: BrowserContext, complaints: list[str]) -> Iterator[Page]:
    """A page of support's, with calls of today and of 40 days ago; it fails on whatever the console complains of."""
    now = timezone.now()
    for at in (now, now - dt.timedelta(days=40)):
        a_call(
            at,
            talk=60,
            legs=(
                ("account", "0.30", "GBP"),
                ("carrier", "-0.10", "GBP"),
            ),
        )
    a_call(now, talk=5, legs=(("carrier", "0.02", "USD"),))
    renew_due()
    client = Client()
    client.force_login(make_user("sam", "support"))
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    page = context.new_page()
    page.on("console", lambda message: message.type in {"error", "warning"} and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert complaints == []


def since() -> dt.datetime:
    """Return yesterday, in which the calls of now lie where midnight has passed since they were made."""
    return timezone.now() - dt.timedelta(days=1)


def test_margin_draws_a_plot_for_each_currency_and_follows_the_period(desk: Page, live_server: LiveServer) -> None:
    desk.goto(f"{live_server.url}/reports/margin/?day_after={since():%Y-%m-%d}")
    expect(desk.locator("[data-report-plot] canvas")).to_have_count(2)
    assert desk.locator(".plot-unit").all_inner_texts() == ["GBP", "USD"]
    desk.get_by_role("link", name="The time before").click()
    expect(desk.locator(".empty-title")).to_contain_text("Nothing in")
    month = timezone.now() - dt.timedelta(days=40)
    before = month - dt.timedelta(days=1)
    desk.goto(f"{live_server.url}/reports/margin/?day_after={before:%Y-%m-%d}&day_before={month:%Y-%m-%d}")
    expect(desk.locator("[data-report-plot] canvas")).to_have_count(1)


def test_a_filter_brings_its_own_plot_without_a_new_page(desk: Page, live_server: LiveServer) -> None:
    desk.goto(f"{live_server.url}/reports/traffic/?day_after={since():%Y-%m-%d}")
    expect(desk.locator("[data-report-plot] canvas")).to_have_count(1)
    desk.evaluate("window.same = true")
    desk.get_by_role("button", name="Filter").click()
    with desk.expect_response(lambda response: "plot.json" in response.url and "by=day" in response.url):
        desk.locator("#id_by").select_option("day")
        desk.get_by_role("button", name="Apply").click()
    expect(desk.locator("[data-report-plot] canvas")).to_have_count(1)
    assert desk.evaluate("window.same")
    expect(desk.locator("thead")).to_contain_text("Day")


def test_a_plot_that_cannot_be_had_says_so(desk: Page, live_server: LiveServer, complaints: list[str]) -> None:
    def refuse(route: Route, *_: Any) -> None:
        route.fulfill(status=503, body="")

    desk.route("**/plot.json*", refuse)
    desk.goto(f"{live_server.url}/reports/traffic/?day_after={since():%Y-%m-%d}")
    expect(desk.locator("[data-report-plot]")).to_contain_text("could not be loaded")
    complaints.clear()
