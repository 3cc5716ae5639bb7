"""A rate that nobody means, or a clock that jumps, costs no call its CDR, and no client money."""

import uuid
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse

from billing.models import Rate, RateTable
from cdr.models import CDR, ChargedLeg
from dids.models import DIDPrice
from routing.models import Attempt
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


@pytest.mark.parametrize("steps", [{"increment": LONGEST}, {"minimal_duration": LONGEST}])
def test_steps_beyond_reckoning_that_stood_before_make_funds_unknown_and_no_error(
    route: dict[str, int], steps: dict[str, int], support_page: Browser
) -> None:
    """Neither where the worker judges by itself what a switch reports, nor in the simulator."""
    Rate.objects.filter(rate_minute=Decimal("0.6")).update(**steps)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    snapshots.forget()
    call = Call()
    outcome = take_in([event_of(call.attempt_event())])
    assert outcome.failed == []
    assert Attempt.objects.get(attempt_id=call.attempt).reason == "funds_unknown"
    question = {"source": "203.0.113.9", "number": "442079460018"}
    assert support_page.get(reverse("routing:simulator"), question).status_code == 200


@pytest.mark.parametrize("field", ["increment", "grace", "minimal_duration"])
def test_a_step_of_more_than_a_day_is_refused_beside_its_field(
    route: dict[str, int], operator_page: Browser, field: str
) -> None:
    table = RateTable.objects.get(rates__rate_minute=Decimal("0.6"))
    values = {"code": "44", "rate_minute": "0.6", "rate_call": "0", "increment": 1, "grace": 0, "minimal_duration": 0}
    address = reverse("billing:rate_add", args=[table.pk])
    refused = operator_page.post(address, {**values, "enabled": "on", field: 86_401})
    assert refused.status_code == 422 and "At most 86,400 s: a day." in refused.content.decode()
    assert operator_page.post(address, {**values, "enabled": "on", field: 86_400}).status_code == 302
    price = DIDPrice(did_id=route["did_id"], currency="USD", **{field: 86_401})
    with pytest.raises(ValidationError) as told:
        price.full_clean()
    assert list(told.value.message_dict) == [field]
