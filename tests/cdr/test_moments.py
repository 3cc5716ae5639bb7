"""Calls at moments that are easy to get wrong: the price is that of the set-up, the length that of the two clocks."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import connection

from accounts.models import Account
from billing.ledger import check_ledger
from billing.models import ProductMapping, Rate, RateTable
from cdr.models import ChargedLeg
from routing.store import snapshots
from systemlog.events import event_of
from systemlog.intake import take_in
from tests.calls import Call, stamp
from tests.cdr.test_charging import route  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db


def charged(route: dict[str, int], start: str, answered: float, end: float) -> tuple[int, Decimal]:  # noqa: F811
    """Return seconds and amount of the account's leg of a call, whose times are in seconds after its start."""
    at = dt.datetime.fromisoformat(start).replace(tzinfo=dt.UTC).timestamp()
    call = Call(started=at)
    told = [
        call.attempt_event(), call.decision(**route), call.ringing(), call.event("answer", answered),
        call.end(after=end, answered=stamp(at + answered)),
    ]  # fmt: skip
    take_in([event_of(event) for event in told])
    leg = ChargedLeg.objects.get(leg="account", attempt_id=call.attempt)
    assert not check_ledger()
    return leg.charged_seconds, leg.amount


@pytest.mark.parametrize(
    ("start", "answered", "end", "seconds"),
    [
        ("2026-03-15T10:00", 3, 3, 0),  # answered and ended in the same microsecond
        ("2026-03-15T10:00", 3, 3.4, 1),
        ("2026-03-15T10:00", 3, 23 * 3600 + 3, 82_800),
        ("2026-03-15T10:00", 3, 1, 0),  # the clock stepped back: an end before its answer costs nothing
        ("2026-03-15T10:00", 3, 3603, 3600),  # and one that stepped on by an hour is what the switch tells
        ("2026-03-29T00:59:50", 5, 25, 20),  # Riga's clocks go from 03:00 to 04:00
        ("2026-10-25T00:59:50", 5, 25, 20),  # and from 04:00 back to 03:00
        ("2026-12-31T21:59:50", 5, 25, 20),  # over the new year of Riga
        ("2026-12-31T23:59:50", 5, 25, 20),
    ],
)
def test_a_call_costs_its_seconds_whatever_a_wall_clock_shows(
    route: dict[str, int],  # noqa: F811
    settings: object,
    start: str,
    answered: float,
    end: float,
    seconds: int,
) -> None:
    settings.BUSINESS_TIME_ZONE = "Europe/Riga"  # type: ignore[attr-defined]
    assert charged(route, start, answered, end) == (seconds, seconds * Decimal("0.01"))


def test_a_call_over_midnight_and_over_a_mapping_change_keeps_the_rate_of_its_set_up(
    route: dict[str, int],  # noqa: F811
) -> None:
    product = Account.objects.get(pk=route["account_id"]).product
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('voipbilling.config_version', '', true)")
    dear = RateTable.objects.create(name="from June on", currency="USD")
    Rate.objects.create(table=dear, code="44", rate_minute=6)
    june = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    ProductMapping.objects.create(product=product, rate_table=dear, prefix="", starts_at=june)
    with snapshots.at() as config:
        route = route | {"version": config.version}
    # Set up a microsecond before the change, answered and ended after it; and at the very instant.
    assert charged(route, "2026-05-31T23:59:59.999999", 5, 65) == (60, Decimal("0.60"))
    assert charged(route, "2026-06-01T00:00:00", 5, 65) == (60, Decimal("6.00"))
