"""Guessing is slowed, by name and by address; there is no sign-up; proxies count only where they are trusted."""

import re

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory
from pytest_django import Settings

from core.cache import SharedCache
from core.client_address import client_address
from core.models import User
from tests.cast import PASSWORD, make_user


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


def attempt(client: Client, name: str, password: str, address: str = "198.51.100.1") -> str:
    response = client.post("/account/login/", {"login": name, "password": password}, REMOTE_ADDR=address)
    return "in" if response.status_code == 302 else response.content.decode()


def test_after_five_wrong_passwords_even_the_right_one_waits(operator: User, client: Client) -> None:
    for _ in range(5):
        assert "username and/or password" in attempt(client, "olga", "wrong")
    assert "Too many failed login attempts" in attempt(client, "olga", PASSWORD)
    assert attempt(Client(), "olga", PASSWORD, "203.0.113.9") != "in", "another address must not lift the limit"


def test_one_address_cannot_try_many_names(operator: User, client: Client) -> None:
    for number in range(10):
        attempt(client, f"nobody{number}", "wrong")
    assert "Too many failed login attempts" in attempt(client, "olga", PASSWORD)
    assert attempt(Client(), "olga", PASSWORD, "203.0.113.9") == "in"


def test_an_unknown_name_is_answered_like_a_wrong_password(operator: User, client: Client) -> None:
    def words(name: str) -> str:
        text = attempt(client, name, "wrong").replace(name, "")
        return re.sub(r"[A-Za-z0-9]{64}|data-now=\"[^\"]*\"", "", text)

    assert words("olga") == words("nobody")


def test_limits_hold_while_the_caches_server_is_away(
    operator: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is kept out by a server that is down, and no guesser let loose."""
    away = SharedCache("redis://127.0.0.1:1/0", {})
    for name in ("get", "set", "add", "delete"):
        monkeypatch.setattr(cache, name, getattr(away, name))
    assert attempt(Client(), "olga", PASSWORD) == "in"
    for _ in range(5):
        assert "username and/or password" in attempt(client, "olga", "wrong")
    assert "Too many failed login attempts" in attempt(client, "olga", PASSWORD)


@pytest.mark.parametrize("path", ["signup/", "password/reset/", "email/", "password/set/"])
def test_there_is_no_sign_up_and_no_reset_by_mail(path: str, client: Client, db: None) -> None:
    assert client.get(f"/account/{path}").status_code == 404


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "client"),
    [
        ("203.0.113.9", "", [], "203.0.113.9"),
        ("203.0.113.9", "1.2.3.4", [], "203.0.113.9"),
        ("203.0.113.9", "1.2.3.4", ["10.0.0.0/8"], "203.0.113.9"),
        ("10.0.0.1", "1.2.3.4", ["10.0.0.1"], "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4", ["10.0.0.0/8"], "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", ["10.0.0.0/8"], "1.2.3.4"),
        ("10.0.0.1", "garbage", ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", "", ["10.0.0.0/8"], "10.0.0.1"),
        ("::ffff:203.0.113.9", "", [], "203.0.113.9"),
        ("::ffff:10.0.0.1", "2001:db8::7", ["10.0.0.1"], "2001:db8::7"),
        ("2001:db8::1", "2001:db8::7", ["2001:db8::1"], "2001:db8::7"),
        ("", "1.2.3.4", ["10.0.0.0/8"], None),
    ],
)
def test_the_clients_address(
    peer: str, forwarded: str, proxies: list[str], client: str | None, settings: Settings, rf: RequestFactory
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = rf.get("/", REMOTE_ADDR=peer, **({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}))
    assert client_address(request) == client


@pytest.mark.django_db
def test_whoever_chose_a_password_goes_on_to_the_portal(client: Client) -> None:
    user = make_user("newbie", "support")
    user.set_password("generated-Secret-1")
    user.must_change_password = True
    user.save()
    attempt(client, "newbie", "generated-Secret-1")
    assert client.get("/cdrs/").headers["Location"] == "/account/password/"
    chosen = "correct horse battery 9"
    typed = {"oldpassword": "generated-Secret-1", "password1": chosen, "password2": chosen}
    assert client.post("/account/password/", typed).headers["Location"] == "/"
    assert client.get("/").status_code == 200
