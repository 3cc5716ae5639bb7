"""A call that is extended at the moment of its end leaves no free seconds held."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Account
from billing import reservations
from billing.free_seconds import FreeSecondsLedger
from billing.ledger import check_ledger
from billing.models import FreeSeconds
from cdr import legs
from cdr.models import ChargedLeg
from systemlog.events import event_of
from systemlog.intake import take_in
from tests.billing.metering import a_balance, answer, ask, bucket, extend, leg, reserve
from tests.calls import START, Call
from tests.cdr.test_charging import route as route
from tests.cdr.test_free_seconds import grant, now_in_force

pytestmark = pytest.mark.django_db


def extended_first(made: Callable[..., Any]) -> Callable[..., Any]:
    """Extend, as a decider may that has the lock before us."""

    def wrapped(*args: Any) -> Any:
        assert extend(after=60)
        return made(*args)

    return wrapped


@pytest.mark.parametrize("free", [1000, 0])
@pytest.mark.parametrize("way", ["end", "sweep"])
def test_what_it_holds_is_read_under_the_lock(monkeypatch: pytest.MonkeyPatch, way: str, free: int) -> None:
    """Also where none were free when it began."""
    other = ask(leg(a_balance("10"), free=bucket(1000)))
    call = ask(leg(a_balance("10"), free=bucket(1000)))
    if not free:
        FreeSeconds.objects.create(account_id=7, month=dt.date(2026, 11, 1), used=1000)
    reserve(call)
    answer(call)
    FreeSeconds.objects.update(used=0)
    attempt = uuid.UUID(call["attempt"])
    if way == "sweep":
        monkeypatch.setattr(reservations, "FreeSecondsLedger", extended_first(FreeSecondsLedger))
        assert reservations.release([attempt]) == {attempt}
    else:
        monkeypatch.setattr(legs, "FreeSecondsLedger", extended_first(FreeSecondsLedger))
        assert legs.charge_legs([], [attempt]) == ([], {(attempt, "account")})
        reservations.close([attempt], freed=[(attempt, "account")])
    assert FreeSeconds.objects.get().held == 0
    assert not [one for one in check_ledger() if "Free seconds" in one.words]
    reserve(other)
    assert FreeSeconds.objects.get().held == 61
    assert not [one for one in check_ledger() if "Free seconds" in one.words]


def reserved_first(made: Callable[..., Any], call: dict[str, Any]) -> Callable[..., Any]:
    """Reserve, as a decider may that hung until now."""

    def wrapped(*args: Any) -> Any:
        reserve(call)
        return made(*args)

    return wrapped


@pytest.mark.parametrize("way", ["end", "sweep"])
def test_what_is_reserved_while_it_ends_is_left_to_the_next_sweep(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    call = ask(leg(a_balance("10"), free=bucket(1000)))
    attempt = uuid.UUID(call["attempt"])
    if way == "sweep":
        monkeypatch.setattr(reservations, "FreeSecondsLedger", reserved_first(FreeSecondsLedger, call))
        assert reservations.release([attempt]) == set()
    else:
        monkeypatch.setattr(legs, "FreeSecondsLedger", reserved_first(FreeSecondsLedger, call))
        charged, freed = legs.charge_legs([], [attempt])
        assert (charged, freed, reservations.close([attempt], freed=freed)) == ([], set(), set())
    monkeypatch.undo()
    assert FreeSeconds.objects.get().held == 61
    assert not [one for one in check_ledger() if "Free seconds" in one.words]
    assert reservations.release([attempt]) == {attempt}
    assert FreeSeconds.objects.get().held == 0
    assert not [one for one in check_ledger() if "Free seconds" in one.words]


def test_a_call_uses_the_free_seconds_that_were_held_for_it_at_the_last_moment(
    route: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Account.objects.get(pk=route["account_id"])
    now_in_force(route)  # What changes from here on is a version of its own.
    route = grant(route, 61)
    call = Call(started=START)
    free = {"account": account.pk, "did": None, "month": "2025-11-01", "granted": 61}
    asked = ask(leg(account.balance, free=free), attempt=uuid.UUID(call.attempt))
    monkeypatch.setattr(legs, "FreeSecondsLedger", reserved_first(FreeSecondsLedger, asked))
    take_in([event_of(event) for event in call.answered(**route)])
    charged = ChargedLeg.objects.get(leg="account")
    assert (charged.charged_seconds, charged.free_seconds, charged.amount) == (36, 36, 0)
    bucket_now = FreeSeconds.objects.get()
    assert (bucket_now.used, bucket_now.held) == (36, 0)
    assert not check_ledger()


def test_the_check_names_free_seconds_that_no_call_explains() -> None:
    FreeSeconds.objects.create(account_id=7, month=dt.date(2026, 11, 1), used=5, held=9)
    [found] = check_ledger()
    assert "5 are used and 9 held, its calls have used 0 and hold 0" in found.words
