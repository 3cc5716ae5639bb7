"""The live tail's cursor: which entries a reader has, so that none is missed though they commit out of order.

An entry's id is drawn when it is written, not when it is committed; a smaller id may appear after a larger one was
shown. So a poll asks for everything above a floor well below the newest id, less what was there already.
"""

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Max, Q, QuerySet

from systemlog.models import LogEntry

# Longer than what all workers together hold uncommitted: each a batch of 500 events with at most a few entries each.
LOOK_BACK = 5000
PER_POLL = 100
MOST_RANGES = 300


@dataclass
class Cursor:
    """``known`` holds the ids above ``floor`` that were there already; all at or below it are done with."""

    floor: int
    known: set[int] = field(default_factory=set)

    def ranges(self) -> list[tuple[int, int]]:
        """Return the known ids as (first, last), oldest first: ids are dense, so a few stand for thousands."""
        found: list[tuple[int, int]] = []
        for pk in sorted(self.known):
            if found and found[-1][1] == pk - 1:
                found[-1] = (found[-1][0], pk)
            else:
                found.append((pk, pk))
        return found

    def encode(self) -> str:
        """Return the cursor as an opaque token of bounded length."""
        ranges = self.ranges()
        floor = self.floor
        if len(ranges) > MOST_RANGES:
            floor, ranges = ranges[-MOST_RANGES - 1][1], ranges[-MOST_RANGES:]
        text = json.dumps([floor, [[first - floor, last - first] for first, last in ranges]], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, token: str) -> "Cursor | None":
        """Return the cursor of a token; None where it is none of ours."""
        try:
            floor, ranges = json.loads(base64.urlsafe_b64decode(token[:16384] + "=" * (-len(token) % 4)))
            cursor = cls(int(floor))
            for offset, length in ranges[:MOST_RANGES]:
                if not 0 <= length <= 4 * LOOK_BACK:
                    return None
                cursor.known.update(range(floor + offset, floor + offset + length + 1))
        except (ValueError, TypeError, binascii.Error):
            return None
        return cursor

    def advance(self, pks: Iterable[int], newest: int) -> None:
        """Note ids as known, and raise the floor to where nothing can appear any more below it."""
        self.known.update(pks)
        self.floor = max(self.floor, newest - LOOK_BACK)
        self.known = {pk for pk in self.known if pk > self.floor}

    def unknown(self) -> Q:
        """Return the condition for entries that were not there yet."""
        condition = Q(pk__gt=self.floor)
        for first, last in self.ranges():
            condition &= ~Q(pk__range=(first, last))
        return condition


def newest_id() -> int:
    """Return the largest id committed so far."""
    return LogEntry.objects.aggregate(newest=Max("pk"))["newest"] or 0


def start_cursor() -> Cursor:
    """Return the cursor of this moment; take it before reading a page's rows, and note those rows afterwards."""
    newest = newest_id()
    cursor = Cursor(max(0, newest - LOOK_BACK))
    cursor.known.update(LogEntry.objects.filter(pk__gt=cursor.floor).values_list("pk", flat=True))
    return cursor


def new_entries(rows: QuerySet[LogEntry], cursor: Cursor) -> list[LogEntry]:
    """Return the rows that a reader with this cursor lacks, latest first, and advance it.

    Of more than a hundred only the newest: nobody reads on at such a rate, and the pages hold them all.
    """
    newest = newest_id()
    found = list(rows.filter(cursor.unknown()).order_by("-pk")[: PER_POLL + 1])
    if len(found) > PER_POLL:
        found.pop()
        cursor.advance([], found[-1].pk - 1 + LOOK_BACK)
    cursor.advance((row.pk for row in found), newest)
    return sorted(found, key=lambda row: (row.at, row.pk), reverse=True)
