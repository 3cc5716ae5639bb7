"""A call that is extended at the moment of its end leaves no free seconds held."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from billing import reservations
from billing.free_seconds import FreeSecondsLedger
from billing.ledger import check_ledger
from billing.models import FreeSeconds
from cdr import legs
from tests.billing.test_reservations import a_balance, answer, ask, bucket, extend, leg, reserve

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
        held = reservations.held_free_seconds([attempt])
        monkeypatch.setattr(legs, "FreeSecondsLedger", extended_first(FreeSecondsLedger))
        assert list(legs.charge_legs([], held)) == []
        reservations.close([attempt])
    assert FreeSeconds.objects.get().held == 0
    assert not [one for one in check_ledger() if "Free seconds" in one.words]
    reserve(other)
    assert FreeSeconds.objects.get().held == 61
    assert not [one for one in check_ledger() if "Free seconds" in one.words]


def test_the_check_names_free_seconds_that_no_call_explains() -> None:
    FreeSeconds.objects.create(account_id=7, month=timezone.now().date().replace(day=1), used=5, held=9)
    [found] = check_ledger()
    assert "5 are used and 9 held, its calls have used 0 and hold 0" in found.words
