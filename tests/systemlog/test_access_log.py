"""The web access log: everything is noted, nothing waits, nothing is lost, no secret is kept."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client

from core.models import User
from systemlog.access import middleware, shipper
from systemlog.access.spool import Spool
from systemlog.models import AccessEntry, SeenEvent
from tests.cast import PASSWORD

HOSTILE = "sip\x1b[2Jscan" + "x" * 999
Log = Callable[[], list[tuple[str, ...]]]


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spool]:
    """A spool of the test's own; the middleware of new clients writes there."""
    cache.clear()
    own = Spool(tmp_path / "access")
    monkeypatch.setattr(middleware, "spool", own)
    yield own


@pytest.fixture
def logged(spool: Spool, db: None) -> Log:
    """Ship what waits, and return (result, user, method, path, status) of all entries in order."""

    def entries() -> list[tuple[str, ...]]:
        shipper.ship(spool)
        fields = ("result", "user_label", "method", "path", "status")
        return list(AccessEntry.objects.order_by("at", "id").values_list(*fields))

    return entries


def test_every_access_is_noted_with_its_result(operator: User, client: Client, logged: Log) -> None:
    client.get("/settings/")
    client.post("/account/login/", {"login": "olga", "password": "wrong"})
    client.post("/account/login/", {"login": "olga", "password": PASSWORD})
    client.get("/settings/")
    client.get("/settings/users/")
    client.get("/nothing/")
    client.post("/account/logout/")
    assert logged() == [
        ("not logged in", "", "GET", "/settings/", 302),
        ("login failed", "olga", "POST", "/account/login/", 200),
        ("login", "olga", "POST", "/account/login/", 302),
        ("ok", "olga", "GET", "/settings/", 200),
        ("forbidden", "olga", "GET", "/settings/users/", 403),
        ("not found", "olga", "GET", "/nothing/", 404),
        ("logout", "olga", "POST", "/account/logout/", 302),
    ]


def test_a_throttled_login_is_noted_as_refused(operator: User, client: Client, logged: Log) -> None:
    for _ in range(6):
        client.post("/account/login/", {"login": "olga", "password": "wrong"})
    assert [entry[0] for entry in logged()] == ["login failed"] * 5 + ["login refused"]


def test_a_second_factor_is_noted_step_by_step(
    operator: User, client: Client, logged: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    TOTP.activate(operator, "JBSWY3DPEHPK3PXP")
    client.post("/account/login/", {"login": "olga", "password": PASSWORD})
    client.post("/account/two-factor/authenticate/", {"code": "000000"})
    monkeypatch.setattr(TOTP, "validate_code", lambda self, code: True)
    client.post("/account/two-factor/authenticate/", {"code": "000000"})
    assert [entry[:2] for entry in logged()] == [("code asked", "olga"), ("login failed", "olga"), ("login", "olga")]


def test_a_request_that_breaks_is_noted_too(
    operator_page: Client, logged: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr("core.views.settings.SettingsView.get", broken)
    operator_page.raise_request_exception = False
    assert operator_page.get("/settings/").status_code == 500
    assert logged() == [("error", "olga", "GET", "/settings/", 500)]


def test_no_secret_and_no_control_character_is_kept(client: Client, logged: Log) -> None:
    client.get(
        "/settings/?token=abc&Password=def&q=+44&x=%00%1b[31m", headers={"User-Agent": "sip\x1b[2Jscan" + "x" * 999}
    )
    path = logged()[0][3]
    assert "abc" not in path
    assert "def" not in path
    assert path.startswith("/settings/?token=***&Password=***&q=")
    entry = AccessEntry.objects.get()
    assert "\x1b" not in entry.user_agent
    assert len(entry.user_agent) == 256


def test_the_address_is_the_clients_behind_a_trusted_proxy(client: Client, logged: Log, settings) -> None:  # type: ignore[no-untyped-def]
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    client.get("/settings/", headers={"X-Forwarded-For": "198.51.100.7"})
    logged()
    assert AccessEntry.objects.get().address == "198.51.100.7"


def test_health_checks_are_nobodys_access(client: Client, logged: Log) -> None:
    client.get("/healthz")
    assert logged() == []


def test_a_request_asks_the_database_nothing_for_its_log(
    client: Client, spool: Spool, db: None, django_assert_num_queries
) -> None:  # type: ignore[no-untyped-def]
    with django_assert_num_queries(0):
        client.get("/nothing/")
    spool.close()
    assert len(spool.ready()) == 1


def test_what_the_database_refuses_now_waits_on_disk(
    client: Client, spool: Spool, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.get("/settings/")

    def away(*args: object, **kwargs: object) -> None:
        raise OperationalError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(AccessEntry.objects, "bulk_create", away)
        with pytest.raises(OperationalError):
            shipper.ship(spool)
    assert AccessEntry.objects.count() == 0
    assert shipper.ship(spool) == 1
    assert shipper.ship(spool) == 0
    assert AccessEntry.objects.count() == 1


def test_a_crash_between_commit_and_removal_writes_nothing_twice(client: Client, spool: Spool, db: None) -> None:
    client.get("/settings/")
    spool.close()
    (path,) = spool.ready()
    kept = path.read_bytes()
    shipper.ship(spool)
    path.write_bytes(kept)
    assert shipper.ship(spool) == 0
    assert AccessEntry.objects.count() == 1
    assert SeenEvent.objects.count() == 1


def test_one_line_that_cannot_be_stored_holds_up_no_other(client: Client, spool: Spool, db: None) -> None:
    client.get("/settings/")
    spool.append({"at": "2026-11-23T07:00:00+00:00", "address": "not an address"})
    client.get("/profile/")
    assert shipper.ship(spool) == 2
    assert set(AccessEntry.objects.values_list("path", flat=True)) == {"/settings/", "/profile/"}


def test_the_lines_of_a_killed_process_are_taken_over(spool: Spool, db: None) -> None:
    record = {
        "at": "2026-11-23T07:00:00+00:00", "address": "198.51.100.7", "user_id": None, "user_label": "",
        "method": "GET", "path": "/left-behind/", "status": 200, "result": "ok", "duration_ms": 1, "user_agent": "",
    }  # fmt: skip
    script = (
        "import json, os, pathlib, sys; sys.path.insert(0, sys.argv[1])\n"
        "from systemlog.access.spool import Spool\n"
        "Spool(pathlib.Path(sys.argv[2])).append(json.loads(sys.argv[3])); print('written', flush=True)\n"
        "os.read(0, 1)\n"
    )
    arguments = [sys.executable, "-c", script, str(settings.BASE_DIR), str(spool.folder), json.dumps(record)]
    child = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ})
    assert child.stdout is not None
    assert child.stdin is not None
    try:
        assert child.stdout.readline().strip() == b"written"
        assert shipper.ship(spool) == 0, "a living process keeps its file"
        child.kill()
        child.wait()
        assert shipper.ship(spool) == 1
        assert AccessEntry.objects.get().path == "/left-behind/"
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stdin.close()


def test_a_full_disk_costs_a_line_and_no_request(client: Client, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("systemlog.access.spool.os.write", full)
    assert client.get("/account/login/").status_code == 200


def test_the_page_shows_searches_and_filters(admin_page: Client, logged: Log) -> None:
    admin_page.get("/settings/")
    admin_page.get("/nothing/")
    logged()
    for query, shown, hidden in (
        ("", "/nothing/", "no such path"),
        ("?q=/settings/", ">/settings/<", "/nothing/<"),
        ("?q=127.0.0.1", "/nothing/", "no such path"),
        ("?q=203.0.113.1", "Nothing matches", "/nothing/<"),
        ("?result=not+found", "/nothing/", ">/settings/<"),
        ("?status=200", ">/settings/<", "/nothing/<"),
    ):
        text = admin_page.get(f"/log/access/{query}").content.decode()
        assert shown in text, query
        assert hidden not in text, query


def test_a_users_page_has_their_accesses_in_a_tab(
    admin_page: Client, operator: User, client: Client, logged: Log
) -> None:
    client.post("/account/login/", {"login": "olga", "password": "wrong"})
    admin_page.get("/profile/")
    logged()
    text = admin_page.get(f"/settings/users/{operator.pk}/access/").content.decode()
    assert "Login failed" in text
    assert ">/profile/<" not in text
