"""Two-factor authentication: set up with the password, asked for at login, recovery codes once each, reset by an
administrator."""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import hotp_value, yield_hotp_counters_from_time
from django.core.cache import cache
from django.test import Client

from core.models import User
from tests.cast import PASSWORD, make_user, page_of
from tests.core.test_pages import check_page


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


def code_of(secret: str) -> str:
    """Return the code of now, which still holds for the eight seconds that a test may take to use it."""
    left = 30 - time.time() % 30
    if left < 8:
        time.sleep(left)
    counter = next(iter(yield_hotp_counters_from_time()))
    return f"{hotp_value(secret, counter):06d}"


@pytest.fixture
def protected(operator: User) -> tuple[User, str, list[str]]:
    """Let the operator set up an authenticator on the pages; return secret and recovery codes."""
    page = Client()
    page.post("/account/login/", {"login": "olga", "password": PASSWORD})
    asked = page.get("/account/two-factor/authenticator/activate/", follow=True)
    check_page("reauthenticate", asked)
    assert "Confirm that it is you" in asked.content.decode()
    page.post("/account/reauthenticate/", {"password": PASSWORD})
    form = page.get("/account/two-factor/authenticator/activate/")
    check_page("activate", form)
    found = re.search(r'data-copy="([A-Z2-7]{16,})"', form.content.decode())
    assert found
    secret = found.group(1)
    done = page.post("/account/two-factor/authenticator/activate/", {"code": code_of(secret)}, follow=True)
    check_page("codes", done)
    codes = re.findall(r'data-copy="(\d{8})"', done.content.decode())
    assert len(codes) == 10
    check_page("index", page.get("/account/two-factor/"))
    check_page("turn off", page.get("/account/two-factor/authenticator/deactivate/"))
    check_page("new codes", page.get("/account/two-factor/recovery-codes/generate/"))
    return operator, secret, codes


def log_in(code: str) -> bool:
    page = Client()
    first = page.post("/account/login/", {"login": "olga", "password": PASSWORD})
    assert first["Location"] == "/account/two-factor/authenticate/"
    assert page.get("/settings/").status_code == 302, "the password alone opens nothing"
    check_page("code", page.get("/account/two-factor/authenticate/"))
    page.post("/account/two-factor/authenticate/", {"code": code})
    return page.get("/settings/").status_code == 200


def test_the_code_is_asked_for_and_a_wrong_one_refused(protected: tuple[User, str, list[str]]) -> None:
    _, secret, _ = protected
    assert not log_in("000000")
    cache.clear()
    assert log_in(code_of(secret))


def test_a_recovery_code_works_once(protected: tuple[User, str, list[str]]) -> None:
    code = protected[2][0]
    assert log_in(code)
    assert not log_in(code)


def test_an_administrator_removes_a_lost_second_factor(protected: tuple[User, str, list[str]]) -> None:
    user = protected[0]
    admin = page_of(make_user("ada", "administrator"))
    assert "Two-factor" in admin.get(user.get_absolute_url()).content.decode()
    assert admin.post(f"/settings/users/{user.pk}/second-factor/").status_code == 302
    assert not Authenticator.objects.filter(user=user).exists()
    page = Client()
    page.post("/account/login/", {"login": "olga", "password": PASSWORD})
    assert page.get("/settings/").status_code == 200
