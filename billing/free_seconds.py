"""Count the free seconds of ended calls: taken under lock, given back where a call is priced anew.

What is used up is a sum, so it does not depend on the order in which calls end up here; which call of a month finds
the last free seconds does. Rows are locked in the order of their keys, before any balance.
"""

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from django.db import connection

from billing.models import FreeSeconds
from core.bulk import insert_rows


class Bucket(NamedTuple):
    """The free seconds of one account and business month; ``did_id`` where a DID's own price grants them."""

    account_id: int
    did_id: int | None
    month: dt.date


KEY = ("account_id", "did_id", "month")
LOCK = (
    "SELECT f.id, f.account_id, f.did_id, f.month, f.used, f.held FROM billing_freeseconds f "
    "JOIN unnest(%s::bigint[], %s::bigint[], %s::date[]) AS k (account_id, did_id, month) "
    "ON f.account_id = k.account_id AND f.did_id IS NOT DISTINCT FROM k.did_id AND f.month = k.month "
    "ORDER BY f.account_id, f.did_id, f.month FOR NO KEY UPDATE OF f"
)
MOVE = (
    "UPDATE billing_freeseconds f SET used = k.used, held = k.held "
    "FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS k (id, used, held) WHERE f.id = k.id"
)


class FreeSecondsLedger:
    """The buckets of one batch of calls, locked until the transaction ends. ``save`` writes what was taken."""

    def __init__(self, buckets: Iterable[Bucket]) -> None:
        self._ids: dict[Bucket, int] = {}
        self._used: dict[Bucket, int] = {}
        self._held: dict[Bucket, int] = {}
        self._moved: set[Bucket] = set()
        wanted = sorted(set(buckets), key=_order)
        if not wanted:
            return
        rows = ({**dict(zip(KEY, bucket, strict=True)), "used": 0, "held": 0} for bucket in wanted)
        insert_rows(FreeSeconds, (*KEY, "used", "held"), rows, conflict="ON CONFLICT DO NOTHING")
        with connection.cursor() as cursor:
            cursor.execute(LOCK, [list(column) for column in zip(*wanted, strict=True)])
            for id_, account, did, month, used, held in cursor.fetchall():
                bucket = Bucket(account, did, month)
                self._ids[bucket], self._used[bucket], self._held[bucket] = id_, used, held

    def __contains__(self, bucket: Bucket) -> bool:
        """Tell whether a bucket is one of these, and locked."""
        return bucket in self._ids

    def left(self, bucket: Bucket, granted: int) -> int:
        """Return how many of the seconds ``granted`` are neither used nor held for a call that lasts."""
        return max(0, granted - self._used[bucket] - self._held[bucket])

    def release(self, bucket: Bucket, seconds: int) -> None:
        """Let go of seconds that were held for a call which is over."""
        if seconds:
            self._held[bucket] = max(0, self._held[bucket] - seconds)
            self._moved.add(bucket)

    def take(self, bucket: Bucket, seconds: int) -> None:
        """Use seconds up; below zero gives back."""
        if seconds:
            self._used[bucket] = max(0, self._used[bucket] + seconds)
            self._moved.add(bucket)

    def save(self) -> None:
        """Write what was taken, given back and let go."""
        if self._moved:
            rows = [(self._ids[bucket], self._used[bucket], self._held[bucket]) for bucket in self._moved]
            with connection.cursor() as cursor:
                cursor.execute(MOVE, [list(column) for column in zip(*rows, strict=True)])


def _order(bucket: Bucket) -> tuple[int, int, dt.date]:
    # As PostgreSQL sorts them: none comes last.
    return bucket.account_id, 1 << 63 if bucket.did_id is None else bucket.did_id, bucket.month
