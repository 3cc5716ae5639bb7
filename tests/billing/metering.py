"""Ask the deciders' SQL functions as they do: calls, their legs and prices, and what is held for them."""

import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import Any

from django.db import OperationalError, connection
from psycopg2.errors import LockNotAvailable

from billing import reservations
from billing.metering.models import MeteredCall
from billing.models import Balance, Reservation
from billing.rating import NOTHING

QUANTUM, BEYOND = 60, 2
MONTH = "2026-11-01"
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


class Price:
    """A rate of plain values."""

    grace = 0

    def __init__(self, minute: str = "0.06", call: str = "0", increment: int = 1, minimal: int = 0) -> None:
        self.rate_minute, self.rate_call = Decimal(minute), Decimal(call)
        self.increment, self.minimal_duration = increment, minimal


def a_balance(amount: str = "1", limit: str = "0", currency: str = "USD") -> Balance:
    return Balance.objects.create(currency=currency, amount=Decimal(amount), credit_limit=Decimal(limit))


def leg(balance: Balance, price: Price | None = None, name: str = "account", **more: Any) -> dict[str, Any]:
    price = price or Price()
    return {
        "leg": name, "balance": balance.pk, "currency": "USD", "minute": str(price.rate_minute),
        "call": str(price.rate_call), "increment": price.increment, "minimal": price.minimal_duration, "free": None,
    } | more  # fmt: skip


def bucket(granted: int, account: int = 7, did: int | None = None) -> dict[str, Any]:
    return {"account": account, "did": did, "month": MONTH, "granted": granted}


def ask(*legs: dict[str, Any], attempt: uuid.UUID | None = None, most: int = 14400) -> dict[str, Any]:
    return {
        "attempt": str(attempt or uuid.uuid4()), "switch": "sw1", "at": NOW.timestamp(), "max": most,
        "legs": list(legs),
    }  # fmt: skip


def reserve(*calls: dict[str, Any]) -> list[tuple[bool, str, int, list[str]]]:
    """Return refused, lacking, seconds and legs of each call, in the order asked.

    Asks again where others hold a lock for longer than the statement waits, as they may on a busy machine.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM metering_reserve(%s::jsonb, %s, %s)", [json.dumps(calls), QUANTUM, BEYOND])
            answers = {str(row[0]): tuple(row[1:]) for row in cursor.fetchall()}
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            return reserve(*calls)
        raise
    return [answers[call["attempt"]] for call in calls]


def answer(call: dict[str, Any], at: dt.datetime = NOW) -> None:
    MeteredCall.objects.filter(pk=call["attempt"]).update(answered_at=at, dialog_entry=1, dialog_id=2)


def extend(after: float, horizon: float = 32) -> list[tuple[Any, ...]]:
    """Return attempt, seconds and lacking of calls whose cover changed, so many seconds after NOW."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attempt, seconds, lacking FROM metering_extend('sw1', %s, %s * interval '1 second', %s, %s)",
            [NOW + dt.timedelta(seconds=after), horizon, QUANTUM, BEYOND],
        )
        return [(str(attempt), seconds, lacking) for attempt, seconds, lacking in cursor.fetchall()]


def held(balance: Balance) -> Decimal:
    """Return what is reserved; it must be what the reservations add up to."""
    balance.refresh_from_db()
    rows = Reservation.objects.filter(balance=balance, state="held")
    assert balance.reserved == sum((row.amount for row in rows), NOTHING)
    return balance.reserved


def close(*calls: dict[str, Any]) -> set[uuid.UUID]:
    """Release what calls hold that are over and cost nothing."""
    return reservations.release([uuid.UUID(call["attempt"]) for call in calls])
