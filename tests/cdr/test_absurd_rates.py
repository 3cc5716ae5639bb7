"""A rate that nobody means, or a clock that jumps, costs no call its CDR, and no client money."""

import uuid
from decimal import Decimal

import pytest
from django.db import connection

from billing.models import Rate
from cdr.models import CDR, ChargedLeg
from routing.store import snapshots
from systemlog.events import event_of
from systemlog.intake import take_in
from systemlog.models import DeadLetter, LogEntry
from tests.calls import Call
from tests.cdr.test_charging import route

__all__ = ["route"]
pytestmark = pytest.mark.django_db

LONGEST = 2_147_483_647


def test_more_seconds_than_a_leg_holds_cost_the_call_its_charge_and_not_its_cdr(route: dict[str, int]) -> None:
    Rate.objects.filter(pk__in=Rate.objects.filter(rate_minute=Decimal("0.6"))).update(
        rate_minute=Decimal("0.000001"), increment=LONGEST, minimal_duration=1
    )
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    snapshots.forget()
    with snapshots.at() as config:
        route |= {"version": config.version}
    call = Call()
    take_in([event_of(event) for event in call.answered(**route)])
    assert CDR.objects.get(attempt_id=call.attempt).ended_at is not None
    assert not ChargedLeg.objects.filter(leg="account").exists()
    assert LogEntry.objects.filter(reason="not_priced", attempt_id=uuid.UUID(call.attempt)).exists()
    assert not DeadLetter.objects.exists()


def test_a_clock_that_jumps_charges_no_more_than_the_longest_call(route: dict[str, int]) -> None:
    call = Call()
    *before, _ = call.answered(**route, max_seconds=7200)
    take_in([event_of(event) for event in [*before, call.end(after=30 * 86400)]])
    assert CDR.objects.get(attempt_id=call.attempt).ended_at is not None
    assert ChargedLeg.objects.get(leg="account").charged_seconds == 7202
