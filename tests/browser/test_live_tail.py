"""System Log's live tail and the dashboard in a real browser: rows arrive, pause holds, failures are said."""

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from playwright.sync_api import BrowserContext, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from core.models import User
from systemlog.events import event_of
from systemlog.intake import take_in
from tests.calls import Call, registration
from tests.cast import make_user
from tests.timing import zone_at_noon

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console said; a test that provokes an error takes it out."""
    return []


@pytest.fixture
def desk(live_server: LiveServer, context: BrowserContext, complaints: list[str]) -> Iterator[Page]:
    """A page where a supporter is logged in; it fails the test on whatever the console complains of."""
    client = Client()
    client.force_login(make_user("sue", "support"))
    session = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.on("console", lambda message: message.type in {"error", "warning"} and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert complaints == []


def happens(alias: str) -> None:
    take_in([event_of(registration("refused", alias, reason="unknown_user"))])


def test_a_new_entry_arrives_on_top_within_a_moment(desk: Page, live_server: LiveServer) -> None:
    take_in([event_of(event) for event in Call().answered()])
    desk.goto(f"{live_server.url}/log/")
    expect(desk.locator("[data-tail-words]")).to_have_text("Live")
    expect(desk.locator("#list tbody tr")).to_have_count(4)
    happens("newcomer")
    expect(desk.locator("#list tbody tr").first).to_contain_text("newcomer")
    expect(desk.locator("#list tbody tr")).to_have_count(5)
    expect(desk.locator("[data-tail-news]")).to_have_text("1 new since the page was opened.")


def test_the_first_entry_of_all_replaces_the_empty_page(desk: Page, live_server: LiveServer) -> None:
    desk.goto(f"{live_server.url}/log/")
    expect(desk.get_by_text("Nothing has happened yet")).to_be_visible()
    happens("first")
    expect(desk.locator("#list tbody tr")).to_have_count(1)
    happens("second")
    expect(desk.locator("#list tbody tr")).to_have_count(2)


def test_pause_holds_by_key_and_resume_brings_all(desk: Page, live_server: LiveServer) -> None:
    happens("before")
    desk.goto(f"{live_server.url}/log/")
    desk.keyboard.press("p")
    expect(desk.locator("[data-tail-words]")).to_have_text("Paused")
    happens("while paused")
    desk.wait_for_timeout(2600)
    expect(desk.locator("#list tbody tr")).to_have_count(1)
    desk.get_by_role("button", name="Resume").press("Enter")
    expect(desk.locator("[data-tail-words]")).to_have_text("Live")
    expect(desk.locator("#list tbody tr")).to_have_count(2)


def test_a_failed_request_is_said_and_mended(desk: Page, live_server: LiveServer, complaints: list[str]) -> None:
    happens("before")
    desk.goto(f"{live_server.url}/log/")
    tail = re.compile(r"tail=")

    def fail(route: Route) -> None:
        route.fulfill(status=503, body="away")

    desk.route(tail, fail)
    expect(desk.locator("[data-tail-words]")).to_contain_text("Reconnecting")
    expect(desk.locator(".toast")).to_have_count(0)
    happens("meanwhile")
    desk.unroute(tail)
    # A connection that is refused is no answer at all, and no less handled.
    desk.route(tail, lambda route: route.abort(), times=1)
    expect(desk.locator("#list tbody tr")).to_have_count(2)
    expect(desk.locator("[data-tail-words]")).to_have_text("Live")
    # The browser and htmx note each failure; beyond that nothing goes wrong, no promise is left unhandled.
    noted = re.compile(r"Failed to load resource|Response Status Error Code 503|htmx:(afterRequest|sendError)")
    assert [text for text in complaints if not noted.match(text)] == []
    complaints.clear()


def test_the_tail_follows_a_filter_chosen_later(desk: Page, live_server: LiveServer) -> None:
    take_in([event_of(event) for event in Call().answered()])
    desk.goto(f"{live_server.url}/log/?category=registration")
    expect(desk.locator("#list tbody tr")).to_have_count(0)
    take_in([event_of(event) for event in Call().answered()])
    happens("seen")
    expect(desk.locator("#list tbody tr")).to_have_count(1)


def test_the_dashboard_draws_its_plot_and_keeps_its_figures_current(desk: Page, live_server: LiveServer) -> None:
    User.objects.update(time_zone=zone_at_noon())
    desk.goto(f"{live_server.url}/")
    expect(desk.locator("#calls-plot canvas")).to_be_visible()
    figure = desk.locator(".figure", has_text="Refused today").locator(".figure-value")
    expect(figure).to_have_text("0")
    take_in([event_of(event) for event in Call(started=None).refusal("did_unknown", 404, 1)])
    expect(figure).to_have_text("1")
