"""Money set aside for paid calls: closed when they are over, released where they vanished, shown while they last.

Reserving and extending are the deciders' (routing.decider.funds and meter, by the functions of billing.metering).
Locks are taken as everywhere: free seconds first (billing.free_seconds), then balances (billing.posting), then
reservations and calls.
"""

import datetime as dt
import uuid
from collections.abc import Collection
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction

from billing.choices import ReservationState
from billing.free_seconds import Bucket, FreeSecondsLedger
from billing.metering.models import MeteredCall
from billing.models import Balance, Reservation
from billing.posting import lock_balances

# What was refused is asked for again by nobody once the switch has given up; what was held may still be looked into.
KEEP_REFUSED = dt.timedelta(minutes=10)
KEEP_CLOSED = dt.timedelta(days=7)

LegKey = tuple[uuid.UUID, str]

HELD = "SELECT DISTINCT balance_id FROM billing_reservation WHERE attempt_id = ANY(%s::uuid[]) AND state = 'held'"
HELD_FREE = """
SELECT r.attempt_id, r.leg, r.free_seconds, f.account_id, f.did_id, f.month
FROM billing_reservation r JOIN billing_freeseconds f ON f.id = r.bucket_id
WHERE r.attempt_id = ANY(%s::uuid[]) AND r.state = 'held'
"""
COVERED = """
SELECT r.attempt_id, r.leg, r.seconds FROM billing_reservation r
JOIN metering_meteredcall m ON m.attempt_id = r.attempt_id
WHERE r.attempt_id = ANY(%s::uuid[]) AND m.dialog_id IS NOT NULL AND (r.rate_minute > 0 OR r.free_seconds > 0)
"""
# A call that holds free seconds which nobody has let go is left to the sweep, all of it.
CLOSE = """
WITH unfreed AS (
    SELECT r.attempt_id FROM billing_reservation r
    WHERE r.attempt_id = ANY(%s::uuid[]) AND r.state = 'held' AND r.bucket_id IS NOT NULL
        AND (r.attempt_id, r.leg) NOT IN (SELECT * FROM unnest(%s::uuid[], %s::text[]))
), closed AS (
    UPDATE billing_reservation
    SET state = CASE WHEN attempt_id = ANY(%s::uuid[]) THEN 'charged' ELSE 'released' END, closed_at = now()
    WHERE attempt_id = ANY(%s::uuid[]) AND state = 'held' AND attempt_id NOT IN (SELECT attempt_id FROM unfreed)
    RETURNING attempt_id, balance_id, amount
), freed AS (
    UPDATE billing_balance b SET reserved = b.reserved - c.amount
    FROM (SELECT balance_id, sum(amount) AS amount FROM closed GROUP BY balance_id) c WHERE b.id = c.balance_id
)
UPDATE metering_meteredcall m SET closed_at = now(), over_at = coalesce(m.over_at, now())
FROM (SELECT DISTINCT attempt_id FROM closed) c WHERE m.attempt_id = c.attempt_id RETURNING m.attempt_id
"""


def held_balances(attempts: Collection[uuid.UUID]) -> set[int]:
    """Return the balances that have something reserved for these attempts: lock them before closing."""
    if not attempts:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(HELD, [_texts(attempts)])
        return {balance_id for (balance_id,) in cursor.fetchall()}


def held_free_seconds(attempts: Collection[uuid.UUID]) -> dict[LegKey, tuple[Bucket, int]]:
    """Return by attempt and leg the free seconds held for it, none so far too, and of which bucket.

    They are let go by :class:`billing.free_seconds.FreeSecondsLedger`, before any balance is locked. Read them again
    once their buckets are locked: until then a call may be extended, and a decider that hung may reserve for one.
    """
    if not attempts:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(HELD_FREE, [_texts(attempts)])
        return {(attempt, leg): (Bucket(*key), seconds) for attempt, leg, seconds, *key in cursor.fetchall()}


def covered_seconds(attempts: Collection[uuid.UUID]) -> dict[tuple[uuid.UUID, str], int]:
    """Return by attempt and leg how many charged seconds were set aside, of the calls that our switches meter.

    A switch that asks for covers over HTTP may go on without them; what it tells is charged.
    """
    if not attempts:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(COVERED, [_texts(attempts)])
        return {(attempt, leg): seconds for attempt, leg, seconds in cursor.fetchall()}


def close(
    attempts: Collection[uuid.UUID], *, freed: Collection[LegKey] = (), charged: Collection[uuid.UUID] = ()
) -> set[uuid.UUID]:
    """Give back what is held for these attempts and return those that held anything.

    Runs inside the caller's transaction, which has locked :func:`held_balances`, has let go the free seconds of
    ``freed`` legs, and books what ``charged`` ones cost. An attempt that holds free seconds of another leg was reserved
    for a moment ago, and is left to the next sweep.
    """
    assert connection.in_atomic_block, "a reservation is closed with what comes in its place"
    if not attempts:
        return set()
    with connection.cursor() as cursor:
        wanted = _texts(attempts)
        legs = [_texts([attempt for attempt, _ in freed]), [leg for _, leg in freed]]
        cursor.execute(CLOSE, [wanted, *legs, _texts(charged), wanted])
        return {attempt for (attempt,) in cursor.fetchall()}


class HeldCall(NamedTuple):
    """What is held of one balance for one call that is not over."""

    attempt_id: uuid.UUID
    amount: Decimal
    seconds: int
    free_seconds: int
    started_at: dt.datetime
    answered_at: dt.datetime | None
    lacking: str


def held_now(balance: Balance, count: int) -> list[HeldCall]:
    """Return what is held of a balance, by call, the newest first."""
    rows = Reservation.objects.filter(balance=balance, state=ReservationState.HELD).order_by("-id")[:count]
    held = list(rows.values_list("attempt_id", "amount", "seconds", "free_seconds"))
    calls = MeteredCall.objects.in_bulk([attempt for attempt, *_ in held])
    return [
        HeldCall(*row, call.started_at, call.answered_at, call.lacking)
        for row in held
        if (call := calls.get(row[0])) is not None
    ]


def release(attempts: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Give back, in a transaction, all that is held for these attempts, for which nothing is charged."""
    with transaction.atomic():
        free = held_free_seconds(attempts)
        ledger = FreeSecondsLedger(bucket for bucket, _ in free.values())
        free = {key: held for key, held in held_free_seconds(attempts).items() if held[0] in ledger}
        for bucket, seconds in free.values():
            ledger.release(bucket, seconds)
        ledger.save()
        lock_balances(held_balances(attempts))
        return close(attempts, freed=free)


def prune(now: dt.datetime) -> int:
    """Delete what nobody asks for any more; return how many calls."""
    calls, _ = MeteredCall.objects.filter(refused=True, closed_at__lt=now - KEEP_REFUSED).delete()
    old = now - KEEP_CLOSED
    Reservation.objects.exclude(state=ReservationState.HELD).filter(closed_at__lt=old).delete()
    closed, _ = MeteredCall.objects.filter(closed_at__lt=old).delete()
    return calls + closed


def _texts(attempts: Collection[uuid.UUID]) -> list[str]:
    return [str(attempt) for attempt in attempts]
