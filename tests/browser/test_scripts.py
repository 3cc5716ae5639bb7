"""The portal's own scripts in a real browser; any console error or page error fails the test."""

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from core.models import User
from tests.cast import make_user
from tests.inventory import a_carrier

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console said; a test that provokes an error takes it out."""
    return []


@pytest.fixture
def desk(live_server: LiveServer, context: BrowserContext, complaints: list[str]) -> Iterator[Page]:
    """A page where an administrator is logged in; it fails the test on whatever the console complains of."""
    administrator = make_user("ada", "administrator")
    for name in ("bert", "carl", "dora"):
        make_user(name, "support")
    client = Client()
    client.force_login(administrator)
    session = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.on("console", lambda message: message.type in {"error", "warning"} and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{live_server.url}/settings/users/")
    yield page
    assert complaints == []


def names(page: Page) -> list[str]:
    return page.locator("tbody a[data-row-link]").all_inner_texts()


def test_search_replaces_the_rows_and_the_address_while_typing(desk: Page) -> None:
    desk.keyboard.press("/")
    desk.keyboard.type("car")
    expect(desk.locator("tbody tr")).to_have_count(1)
    expect(desk).to_have_url(re.compile(r"\?q=car$"))
    assert names(desk) == ["carl"]
    expect(desk.locator("[data-search]")).to_be_focused()
    desk.keyboard.type("x")
    expect(desk.get_by_text("Nothing matches")).to_be_visible()
    assert desk.locator("[data-search]").input_value() == "carx"


def test_the_back_button_goes_where_one_was(desk: Page) -> None:
    desk.fill("[data-search]", "dora")
    expect(desk).to_have_url(re.compile(r"\?q=dora$"))
    expect(desk.locator("tbody tr")).to_have_count(1)
    desk.click("tbody a[data-row-link]")
    expect(desk.locator("h1")).to_have_text("dora")
    desk.go_back()
    expect(desk.locator("tbody tr")).to_have_count(1)
    expect(desk).to_have_url(re.compile(r"\?q=dora$"))
    desk.go_back()
    expect(desk.locator("tbody tr")).to_have_count(4)


def test_a_filter_becomes_a_chip_and_a_click_takes_it_away(desk: Page) -> None:
    desk.get_by_role("button", name="Filter").click()
    desk.locator("#id_role").select_option("administrator")
    desk.get_by_role("button", name="Apply").click()
    chip = desk.get_by_role("link", name="Remove filter Role: Administrator")
    expect(chip).to_be_visible()
    expect(desk).to_have_url(re.compile("role=administrator"))
    assert names(desk) == ["ada"]
    assert "q=" not in desk.url, "empty filters stay out of the address"
    chip.click()
    expect(desk.locator("tbody tr")).to_have_count(4)


def test_rows_by_keyboard(desk: Page) -> None:
    for key in ("j", "j", "k", "j"):
        desk.keyboard.press(key)
    expect(desk.locator("tr.row-current a[data-row-link]")).to_have_text("bert")
    desk.keyboard.press("Enter")
    expect(desk.locator("h1")).to_have_text("bert")


def test_help_opens_and_closes(desk: Page) -> None:
    desk.keyboard.press("?")
    expect(desk.get_by_role("dialog", name="Keyboard")).to_be_visible()
    desk.keyboard.press("Escape")
    expect(desk.get_by_role("dialog", name="Keyboard")).to_be_hidden()


def test_keys_are_letters_while_typing(desk: Page) -> None:
    desk.locator("[data-search]").press_sequentially("j?k/x")
    assert desk.locator("[data-search]").input_value() == "j?k/x"
    assert desk.locator("tr.row-current").count() == 0


def test_columns_are_chosen_and_stand_in_the_address(desk: Page) -> None:
    expect(desk.get_by_role("columnheader", name="Time zone")).to_be_visible()
    desk.get_by_role("button", name="Columns").click()
    desk.get_by_label("Time zone").uncheck()
    desk.wait_for_url("**columns=**")
    expect(desk.get_by_role("columnheader", name="Time zone")).to_have_count(0)
    desk.goto(desk.url.partition("?")[0])
    expect(desk.get_by_role("columnheader", name="Role")).to_be_visible()
    expect(desk.get_by_role("columnheader", name="Time zone")).to_have_count(0)
    desk.get_by_role("button", name="Columns").click()
    desk.get_by_role("link", name="Standard columns").click()
    expect(desk.get_by_role("columnheader", name="Time zone")).to_be_visible()


def test_a_sorted_head_keeps_the_search(desk: Page) -> None:
    desk.fill("[data-search]", "a")
    desk.wait_for_url("**q=a")
    desk.get_by_role("link", name="User name").click()
    desk.wait_for_url("**sort=-username**")
    expect(desk.locator("tbody a[data-row-link]")).to_have_text(["dora", "carl", "ada"])


def test_colours_switch_and_stay_without_a_flash(desk: Page) -> None:
    html = desk.locator("html")
    for theme in ("light", "dark"):
        desk.get_by_role("button", name="Switch between system").click()
        expect(html).to_have_attribute("data-theme", theme)
    response = desk.goto(desk.url)
    assert response is not None
    assert 'data-bs-theme="dark"' in response.text(), "the server writes it, not a script"
    desk.get_by_role("button", name="Switch between system").click()
    desk.emulate_media(color_scheme="dark")
    expect(html).to_have_attribute("data-bs-theme", "dark")
    desk.emulate_media(color_scheme="light")
    expect(html).to_have_attribute("data-bs-theme", "light")


def test_a_value_is_copied_with_one_click(desk: Page, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    desk.goto(desk.url.replace("users/", "users/") + str(User.objects.get(username="bert").pk) + "/")
    desk.get_by_role("button", name="Copy bert").click()
    expect(desk.get_by_text("Copied bert")).to_be_visible()
    assert desk.evaluate("navigator.clipboard.readText()") == "bert"


def test_a_session_that_ended_leads_to_the_log_in_page(desk: Page, complaints: list[str]) -> None:
    User.objects.all().update(is_active=False)
    with desk.expect_navigation():
        desk.fill("[data-search]", "x")
    expect(desk.get_by_role("heading", name="Log in")).to_be_visible()
    complaints.clear()


def test_what_was_typed_survives_a_session_that_ended(
    desk: Page, live_server: LiveServer, context: BrowserContext
) -> None:
    ada = User.objects.get(username="ada")
    ada.set_password("correct horse battery")
    ada.save()
    client = Client()
    client.force_login(ada)
    session = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    desk.goto(f"{live_server.url}/carriers/add/")
    desk.get_by_label("Name").fill("Cirrus Tel")
    desk.get_by_label("Carrier is DID provider").check()
    desk.get_by_label("Notes").fill("minutes of typing")
    context.clear_cookies(name="sessionid")
    desk.get_by_role("button", name="Add", exact=True).click()
    desk.get_by_label("Username").fill("ada")
    desk.get_by_label("Password").fill("correct horse battery")
    desk.get_by_role("button", name="Log in").click()
    expect(desk.get_by_text("What you typed is here again")).to_be_visible()
    expect(desk.get_by_label("Name")).to_have_value("Cirrus Tel")
    expect(desk.get_by_label("Carrier is DID provider")).to_be_checked()
    expect(desk.get_by_label("Notes")).to_have_value("minutes of typing")
    desk.reload()
    expect(desk.get_by_label("Name")).to_have_value("")


def test_a_portal_that_does_not_answer_is_not_silent(desk: Page, complaints: list[str]) -> None:
    desk.route("**/settings/users/?q=x", lambda route: route.fulfill(status=503, body="away"))
    desk.fill("[data-search]", "x")
    expect(desk.get_by_text("The portal could not do this (error 503)")).to_be_visible()
    desk.unroute_all()
    desk.route("**/settings/users/?q=y", lambda route: route.abort())
    desk.fill("[data-search]", "y")
    expect(desk.get_by_text("The portal does not answer.")).to_be_visible()
    complaints.clear()


@pytest.mark.parametrize("width", [360, 1400])
@pytest.mark.parametrize("path", ["/settings/", "/settings/users/", "/profile/", "/log/access/"])
def test_no_page_is_wider_than_the_screen(desk: Page, live_server: LiveServer, width: int, path: str) -> None:
    desk.set_viewport_size({"width": width, "height": 800})
    desk.goto(live_server.url + path)
    assert desk.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_the_open_tab_is_seen_on_a_phone(desk: Page, live_server: LiveServer) -> None:
    carrier = a_carrier(User.objects.get(username="ada"))
    desk.set_viewport_size({"width": 360, "height": 800})
    desk.goto(f"{live_server.url}/carriers/{carrier.pk}/statement/")
    expect(desk.locator(".tab-bar .active")).to_be_in_viewport(ratio=0.9)


def test_the_first_steps_tick_while_one_looks(desk: Page, live_server: LiveServer) -> None:
    """The dashboard asks again by itself; hiding the list keeps it hidden."""
    desk.goto(live_server.url)
    steps = desk.locator("#first-steps li")
    expect(steps.first).to_have_attribute("aria-current", "step")
    a_carrier(User.objects.get(username="ada"), is_did_provider=True)
    expect(desk.get_by_text("2 of 9 done")).to_be_visible(timeout=8000)
    expect(steps.nth(2).get_by_role("link", name="Add payment")).to_be_visible()
    desk.get_by_role("button", name="Hide").click()
    expect(desk.get_by_role("button", name="Show the first steps again")).to_be_visible()
    expect(steps).to_have_count(0)
