"""What every page keeps: a strict content policy, one heading, no inline script or style."""

import re

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from core.access import Access
from tests.core.addresses import all_addresses

INLINE = (
    re.compile(r"<script(?![^>]*\bsrc=)[^>]*>", re.I),
    re.compile(r"<style", re.I),
    re.compile(r"<[^>]+\sstyle=", re.I),
    re.compile(r"<[^>]+\son[a-z]+=", re.I),
    re.compile(r"<[^>]+\shx-on", re.I),
    re.compile(r"javascript:", re.I),
)


def check_page(name: str, response: HttpResponse) -> None:
    """Assert what holds for every HTML page."""
    text = response.content.decode()
    for pattern in INLINE:
        found = pattern.search(text)
        assert not found, f"{name}: {found.group(0) if found else ''}"
    policy = response["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert text.count("<h1") == 1, f"{name} has {text.count('<h1')} h1"
    assert re.search(r"<title>[^<]*voipbilling</title>", text), name
    assert '<html lang="en"' in text


def test_every_page_is_strict_and_has_one_heading(admin_page: Client) -> None:
    tried = 0
    for address in all_addresses():
        if "987654321" in address.path or "get" not in address.methods or address.rule.safe is Access.TOKEN:
            continue
        response = admin_page.get(address.path)
        if response.status_code == 200 and response["Content-Type"].startswith("text/html"):
            check_page(address.name, response)
            tried += 1
    assert tried > 4


def test_error_pages_are_pages_too(admin_page: Client, support_page: Client, stranger_page: Client) -> None:
    check_page("404", admin_page.get("/nothing-here/"))
    check_page("403", support_page.get("/settings/users/"))
    check_page("login", stranger_page.get("/account/login/"))
    assert stranger_page.get("/nothing-here/").status_code == 404


@pytest.mark.parametrize(
    ("cookie", "written"), [("dark", "dark"), ("light", "light"), ("auto", "light"), ("<x>", "light")]
)
def test_the_first_byte_has_the_chosen_colours(admin_page: Client, cookie: str, written: str) -> None:
    admin_page.cookies["theme"] = cookie
    assert f'data-bs-theme="{written}"' in admin_page.get("/settings/").content.decode()


def test_times_follow_the_user_and_the_utc_switch(operator_page: Client, operator) -> None:  # type: ignore[no-untyped-def]
    operator.time_zone = "Asia/Tokyo"
    operator.save()
    assert "times in Asia/Tokyo" in operator_page.get("/settings/").content.decode()
    response = operator_page.post("/profile/clock/", {"next": "/settings/"})
    assert response["Location"] == "/settings/"
    assert "times in UTC" in operator_page.get("/settings/").content.decode()


def test_the_clock_switch_leads_to_no_other_site(operator_page: Client) -> None:
    response = operator_page.post("/profile/clock/", {"next": "https://evil.example/"})
    assert response["Location"] == "/"


def test_the_menu_shows_what_the_role_may_open(admin_page: Client, support_page: Client) -> None:
    assert "/settings/users/" in admin_page.get("/settings/").content.decode()
    assert "/settings/users/" not in support_page.get("/settings/").content.decode()


def test_health_needs_no_login_and_no_database(client: Client, django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok\n")


@pytest.mark.parametrize("demo", [True, False])
def test_a_demo_is_marked_on_its_pages_and_nothing_else_is(
    support_page: Client, settings: Settings, demo: bool
) -> None:
    settings.DEMO = demo
    assert ("Everything here is invented" in support_page.get("/settings/").content.decode()) is demo
