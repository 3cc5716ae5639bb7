"""The sweep: what is held for calls that are over, or never came, is released and said so."""

import datetime as dt
import uuid
from decimal import Decimal

import pytest
from django.utils import timezone

from billing.metering.models import MeteredCall
from billing.models import Balance, FreeSeconds, Reservation
from cdr.models import CDR
from cdr.vanished import sweep
from systemlog.models import LogEntry
from tests.billing.metering import a_balance, ask, bucket, held, leg, reserve

pytestmark = pytest.mark.django_db


def a_paid_call(balance: Balance, ago: float) -> uuid.UUID:
    """Reserve for a call that began so many seconds ago."""
    call = ask(leg(balance, free=bucket(30))) | {"at": (timezone.now() - dt.timedelta(seconds=ago)).timestamp()}
    assert reserve(call)[0][0] is False
    return uuid.UUID(call["attempt"])


def a_cdr(attempt: uuid.UUID, ago: float, *, ended: bool) -> None:
    now = timezone.now()
    started = now - dt.timedelta(seconds=ago)
    CDR.objects.create(attempt_id=attempt, started_at=started, switch="sw1", ended_at=now if ended else None)


def test_it_releases_what_is_held_for_nothing() -> None:
    """Of four calls, the one that is over and the one that never came are released; young and living ones stay."""
    balance = a_balance("10")
    over, never, living, young = (a_paid_call(balance, ago) for ago in (300, 200, 250, 10))
    a_cdr(over, 300, ended=True)
    a_cdr(living, 250, ended=False)
    assert sweep(timezone.now()) is False
    states = dict(Reservation.objects.values_list("attempt_id", "state"))
    assert states == {over: "released", never: "released", living: "held", young: "held"}
    # The first of them had the thirty free seconds.
    assert held(balance) == 2 * Decimal("0.061")
    assert FreeSeconds.objects.get().held == 0
    said = LogEntry.objects.filter(reason="reservation_released").order_by("at", "id")
    assert {entry.attempt_id for entry in said} == {over, never}
    assert any("0.061 USD on the account’s leg" in entry.message for entry in said)
    assert sweep(timezone.now()) is False
    assert said.count() == 2


def test_what_a_late_decider_set_aside_for_a_refused_call_goes_before_the_check_names_it() -> None:
    """The database hung, the switch refused the call, and the statement that reserves ran when it came back."""
    balance = a_balance("10")
    refused, unknown = a_paid_call(balance, 45), a_paid_call(balance, 45)
    a_cdr(refused, 45, ended=True)
    sweep(timezone.now())
    assert dict(Reservation.objects.values_list("attempt_id", "state")) == {refused: "released", unknown: "held"}


def test_a_call_that_talks_keeps_what_it_holds_while_its_events_are_late() -> None:
    """The switch cannot reach the stream, but told a decider: until it is over, or lasted as long as it may."""
    balance = a_balance("10")
    talking, over, longest = (a_paid_call(balance, ago) for ago in (300, 200, 20_000))
    now = timezone.now()
    for attempt, ago in ((talking, 290), (over, 190), (longest, 19_990)):
        MeteredCall.objects.filter(pk=attempt).update(answered_at=now - dt.timedelta(seconds=ago))
    MeteredCall.objects.filter(pk=over).update(over_at=now)
    sweep(now)
    states = dict(Reservation.objects.values_list("attempt_id", "state"))
    assert states == {talking: "held", over: "released", longest: "released"}
    # Its end came: what a decider set aside after that is released, whatever it heard.
    a_cdr(talking, 300, ended=True)
    sweep(now)
    assert held(balance) == 0
