"""What a rental owes and when: the pure functions against fractions, and the months that differ."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.business_time import day_of, day_start
from dids.plans.choices import FirstPeriod
from dids.rentals.choices import ChargeKind
from dids.rentals.periods import Paid, Price, Step, Term, closing_step, days_in_month, next_step, share
from tests.rentals.scene import at

PRICE = Price(1, "Standard", "USD", Decimal(0), Decimal(3), 0, FirstPeriod.PRORATED)


def billed(since: dt.datetime, price: Price = PRICE, until: dt.datetime | None = None, steps: int = 4) -> list[Any]:
    """Return the (kind, first, last, amount) of the first steps of a term."""
    term = Term(since, until, False, None, since)
    found = []
    for _ in range(steps):
        if until is not None and term.next_due_at >= until:
            break
        step: Step = next_step(term, price)
        found += [(due.kind.value, due.first.isoformat(), due.last.isoformat(), due.amount) for due in step.dues]
        assert step.next_due_at is not None and step.next_due_at > term.next_due_at
        term = term._replace(begun=True, billed_through=step.billed_through, next_due_at=step.next_due_at)
    return found


def test_the_first_month_is_prorated_by_days_and_later_ones_are_whole() -> None:
    assert billed(at("2026-11-14T23:59:59"), steps=3) == [
        ("monthly", "2026-11-14", "2026-11-30", Decimal("1.700000")),
        ("monthly", "2026-12-01", "2026-12-31", Decimal(3)),
        ("monthly", "2027-01-01", "2027-01-31", Decimal(3)),
    ]


@pytest.mark.parametrize(
    ("since", "first"),
    [
        ("2026-01-29", ("2026-01-29", "2026-01-31", Decimal("0.290323"))),
        ("2026-01-30", ("2026-01-30", "2026-01-31", Decimal("0.193548"))),
        ("2026-01-31", ("2026-01-31", "2026-01-31", Decimal("0.096774"))),
        ("2028-02-29", ("2028-02-29", "2028-02-29", Decimal("0.103448"))),
        ("2026-02-01", ("2026-02-01", "2026-02-28", Decimal(3))),
    ],
)
def test_a_rental_that_begins_at_the_end_of_a_month_never_drifts(since: str, first: tuple[str, str, Decimal]) -> None:
    found = billed(at(f"{since}T12:00"), steps=14)
    assert found[0] == ("monthly", *first)
    assert [amount for *_, amount in found[1:]] == [Decimal(3)] * 13
    assert {dt.date.fromisoformat(begin).day for _, begin, *_ in found[1:]} == {1}


def test_a_plan_may_charge_the_first_month_whole() -> None:
    full = PRICE._replace(first_period=FirstPeriod.FULL)
    assert billed(at("2026-11-30T12:00"), full, steps=2) == [
        ("monthly", "2026-11-30", "2026-11-30", Decimal(3)),
        ("monthly", "2026-12-01", "2026-12-31", Decimal(3)),
    ]


def test_free_days_put_off_the_first_month_but_not_the_setup() -> None:
    price = PRICE._replace(free_days=30, setup_fee=Decimal(5))
    assert billed(at("2026-11-14T12:00"), price, steps=3) == [
        ("setup", "2026-11-14", "2026-11-14", Decimal(5)),
        ("monthly", "2026-12-14", "2026-12-31", Decimal("1.741935")),
        ("monthly", "2027-01-01", "2027-01-31", Decimal(3)),
    ]


def test_a_rental_released_within_its_free_days_pays_the_setup_only() -> None:
    price = PRICE._replace(free_days=30, setup_fee=Decimal(5))
    assert billed(at("2026-11-14T12:00"), price, until=at("2026-12-01T12:00")) == [
        ("setup", "2026-11-14", "2026-11-14", Decimal(5))
    ]


def test_a_month_begins_where_business_is_also_when_clocks_are_set(settings: Any) -> None:
    settings.BUSINESS_TIME_ZONE = "America/New_York"
    # Still 31 October in New York, and the night in which its clocks go back lies within the month.
    assert billed(at("2026-11-01T03:30"), steps=2) == [
        ("monthly", "2026-10-31", "2026-10-31", Decimal("0.096774")),
        ("monthly", "2026-11-01", "2026-11-30", Decimal(3)),
    ]
    term = Term(at("2026-10-15T12:00"), None, False, None, at("2026-10-15T12:00"))
    november = next_step(term, PRICE).next_due_at
    assert november == at("2026-11-01T04:00")  # Summer time
    december = next_step(term._replace(begun=True, next_due_at=november), PRICE).next_due_at
    assert december == at("2026-12-01T05:00")


def test_who_takes_a_number_again_within_a_paid_month_begins_nothing_new() -> None:
    price = PRICE._replace(setup_fee=Decimal(5), free_days=30)
    since = at("2026-11-20T12:00")
    step = next_step(Term(since, None, False, None, since), price, paid_through=dt.date(2026, 11, 30))
    assert step == Step([], dt.date(2026, 11, 30), at("2026-12-01T00:00"))


def test_unused_days_are_paid_back_only_where_the_setting_says_so() -> None:
    paid = Paid(dt.date(2026, 11, 14), dt.date(2026, 11, 30), 30, Decimal(3), Decimal("1.7"), 1, "Standard", "USD")
    until = at("2026-11-20T12:00")
    term = Term(at("2026-11-14T12:00"), until, True, dt.date(2026, 11, 30), until)
    assert closing_step(term, paid, refund=False) == Step([], dt.date(2026, 11, 30), None)
    step = closing_step(term, paid, refund=True)
    assert [(due.kind, due.first, due.last, due.amount) for due in step.dues] == [
        (ChargeKind.REFUND, dt.date(2026, 11, 21), dt.date(2026, 11, 30), Decimal("-1.000000"))
    ]
    assert step.billed_through == dt.date(2026, 11, 20)


fees = st.decimals(min_value=0, max_value=Decimal("999999999999.999999"), places=6)


@given(fee=fees, days=st.integers(1, 31), of_days=st.sampled_from([28, 29, 30, 31]))
def test_a_share_is_the_fraction_rounded_once(fee: Decimal, days: int, of_days: int) -> None:
    exact = Fraction(fee) * days / of_days * 10**6
    whole, rest = divmod(exact.numerator, exact.denominator)
    rounded = whole + (1 if 2 * rest >= exact.denominator else 0)
    assert Fraction(share(fee, days, of_days)) == Fraction(rounded, 10**6)


@given(
    since=st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2032, 1, 1), timezones=st.just(dt.UTC)),
    zone=st.sampled_from(["UTC", "Europe/London", "America/Santiago", "Asia/Beirut", "Australia/Lord_Howe"]),
    free=st.integers(0, 70),
    steps=st.integers(1, 30),
)
def test_every_day_from_the_first_charged_one_is_charged_once(
    since: dt.datetime, zone: str, free: int, steps: int
) -> None:
    """Whatever the zone and the start, charged days follow each other without gap or overlap."""
    from django.test import override_settings

    with override_settings(BUSINESS_TIME_ZONE=zone):
        found = billed(since, PRICE._replace(free_days=free), steps=steps + (free > 0))
        next_day = day_of(since) + dt.timedelta(days=free)
        for _, first, last, amount in found:
            begin, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
            assert begin == next_day and day_of(day_start(begin)) == begin
            assert amount == share(Decimal(3), (end - begin).days + 1, days_in_month(begin))
            next_day = end + dt.timedelta(days=1)
        assert len(found) == steps
