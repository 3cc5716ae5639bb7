"""What a rental owes and when: pure functions of its term, the plan in force and business days.

A month is a business month. A rental that begins or, after its free days, is first charged within a month pays that
month's share by days (or all of it, where its plan says so), every later month whole; one that ends owes nothing back
unless the setting says so. Each amount is rounded once, half away from zero, to six places (docs/rentals.md).
"""

import datetime as dt
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import NamedTuple

from core.business_time import DAY, day_of, day_start, next_month
from core.fields import MONEY_STEP
from dids.plans.choices import FirstPeriod
from dids.rentals.choices import ChargeKind

# Twelve digits before the point, times 31 days, by at most 31: nothing is rounded before the last step.
EXACT = Context(prec=60)


class Price(NamedTuple):
    """A plan as it stood when a period began."""

    plan_id: int
    name: str
    currency: str
    setup_fee: Decimal
    monthly_fee: Decimal
    free_days: int
    first_period: str


class Term(NamedTuple):
    """Where the billing of a rental stands; ``since`` to ``until`` is the time that the number is held."""

    since: dt.datetime
    until: dt.datetime | None
    begun: bool
    billed_through: dt.date | None
    next_due_at: dt.datetime


class Due(NamedTuple):
    """One charge: its days, the fee of a whole month, and the amount."""

    kind: ChargeKind
    first: dt.date
    last: dt.date
    days: int
    of_days: int
    fee: Decimal
    amount: Decimal
    plan_id: int
    plan_name: str
    currency: str


class Paid(NamedTuple):
    """The last month charged of a rental that has ended."""

    first: dt.date
    last: dt.date
    of_days: int
    fee: Decimal
    amount: Decimal
    plan_id: int
    plan_name: str
    currency: str


class Step(NamedTuple):
    """What one step of billing charges, and where it leaves the term."""

    dues: list[Due]
    billed_through: dt.date | None
    next_due_at: dt.datetime | None


def share(fee: Decimal, days: int, of_days: int) -> Decimal:
    """Return ``fee`` times days / of_days, rounded once, half away from zero, to six places."""
    return EXACT.divide(EXACT.multiply(fee, Decimal(days)), Decimal(of_days)).quantize(MONEY_STEP, ROUND_HALF_UP, EXACT)


def days_in_month(day: dt.date) -> int:
    """Return how many days the month of ``day`` has."""
    return (next_month(day) - day.replace(day=1)).days


def next_step(term: Term, price: Price, *, paid_through: dt.date | None = None) -> Step:
    """Return what falls due at ``term.next_due_at``, an instant before the term's end, under ``price``.

    ``paid_through`` is the last day that an earlier term of the same holder has been charged for: who takes a number
    again within a month that is paid begins nothing new.
    """
    if term.begun:
        return _month(term, price, day_of(term.next_due_at), term.billed_through)
    began = day_of(term.since)
    if paid_through is not None and paid_through >= began:
        return _after([], paid_through, paid_through + DAY, term)
    fee = price.setup_fee
    setup = [Due(ChargeKind.SETUP, began, began, 1, 1, fee, fee, *_plan(price))] if fee else []
    if price.free_days:
        return _after(setup, None, began + price.free_days * DAY, term)
    month = _month(term, price, began, None)
    return month._replace(dues=setup + month.dues)


def _month(term: Term, price: Price, first: dt.date, billed_through: dt.date | None) -> Step:
    """Charge from ``first`` to the end of its month."""
    last, of_days = next_month(first) - DAY, days_in_month(first)
    days = (last - first).days + 1
    whole = days == of_days or (billed_through is None and price.first_period == FirstPeriod.FULL)
    amount = price.monthly_fee if whole else share(price.monthly_fee, days, of_days)
    month = Due(ChargeKind.MONTHLY, first, last, days, of_days, price.monthly_fee, amount, *_plan(price))
    dues = [month] if amount else []
    return _after(dues, last, last + DAY, term)


def _after(dues: list[Due], billed_through: dt.date | None, day: dt.date, term: Term) -> Step:
    """Go on at the start of ``day``, or at the term's end where that comes before."""
    at = day_start(day)
    return Step(dues, billed_through, at if term.until is None else min(at, term.until))


def closing_step(term: Term, paid: Paid | None, *, refund: bool) -> Step:
    """End the billing of a term that is over; with ``refund``, pay back the days of its last month after its end.

    The day on which it ends is used. At most what was charged is paid back.
    """
    assert term.until is not None
    ended = day_of(term.until)
    if not refund or paid is None or paid.last <= ended:
        return Step([], term.billed_through, None)
    first = max(ended + DAY, paid.first)
    days = (paid.last - first).days + 1
    amount = min(share(paid.fee, days, paid.of_days), paid.amount)
    back = Due(ChargeKind.REFUND, first, paid.last, days, paid.of_days, paid.fee, -amount, *paid[5:])
    return Step([back] if amount else [], first - DAY, None)


def _plan(price: Price) -> tuple[int, str, str]:
    return price.plan_id, price.name, price.currency
