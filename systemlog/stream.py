"""The switch's event stream: a Redis stream read by one consumer group, trimmed below what is still needed.

Every method may raise RedisError; the consumer waits and tries again. The group is made where it is missing, from the
stream's beginning, because after a loss of the server's memory every entry found is one not yet taken in.
"""

from dataclasses import dataclass
from typing import Any

import redis
from django.conf import settings
from redis.exceptions import ResponseError

FAILURES_KEPT_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Entry:
    """One stream entry: its id and the event's JSON, empty when the entry was deleted while pending."""

    id: str
    raw: bytes


def connect(url: str | None = None) -> redis.Redis:
    """Return a client of the stream's server; its time-outs outlast a blocking read but not a hung server."""
    return redis.Redis.from_url(
        url or settings.EVENT_STREAM_URL,
        socket_connect_timeout=2,
        socket_timeout=5,
        socket_keepalive=True,
        health_check_interval=15,
        retry=None,
        protocol=2,
    )


class EventStream:
    """The stream and its group, as one named consumer sees them."""

    def __init__(self, consumer: str, client: redis.Redis | None = None) -> None:
        self.consumer = consumer
        self.client = client or connect()
        self.key: str = settings.EVENT_STREAM
        self.group: str = settings.EVENT_GROUP
        self.failures_key = f"{self.key}:failures"

    def ensure_group(self) -> None:
        """Create stream and group where they are missing; harmless otherwise."""
        try:
            self.client.xgroup_create(self.key, self.group, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def add(self, lines: list[str]) -> None:
        """Append events: all are in the stream when this returns, or, when it raises, they may be given again."""
        pipeline = self.client.pipeline(transaction=True)
        for line in lines:
            pipeline.xadd(self.key, {"e": line})
        pipeline.execute()

    def read_new(self, count: int, block_ms: int) -> list[Entry]:
        """Return entries no consumer of the group was given before, waiting for the first of them."""
        return self._read(">", count, block_ms)

    def read_own(self, after: str, count: int) -> list[Entry]:
        """Return entries given to this consumer, now or in an earlier life, and not yet acknowledged."""
        return self._read(after, count, None)

    def _read(self, start: str, count: int, block_ms: int | None) -> list[Entry]:
        answer = self.client.xreadgroup(self.group, self.consumer, {self.key: start}, count=count, block=block_ms)
        return [entry for _, rows in _pairs(answer) for entry in map(_entry, rows)]

    def claim_abandoned(self, idle_ms: int, count: int) -> int:
        """Take over entries that their consumer has held for so long that it must be dead; return how many."""
        taken, cursor = 0, "0-0"
        while True:
            cursor, rows, *_ = self.client.xautoclaim(
                self.key, self.group, self.consumer, idle_ms, start_id=cursor, count=count
            )
            taken += len(rows)
            if _text(cursor) == "0-0":
                return taken

    def acknowledge(self, entry_ids: list[str]) -> None:
        if entry_ids:
            self.client.xack(self.key, self.group, *entry_ids)

    def times_delivered(self, first: str, last: str, count: int) -> dict[str, int]:
        """Return how often each pending entry of this consumer in a span of ids was given out."""
        rows = self.client.xpending_range(self.key, self.group, first, last, count, consumername=self.consumer)
        return {_text(row["message_id"]): int(row["times_delivered"]) for row in rows}

    def count_failure(self, event_id: str, by: int = 1) -> int:
        """Count a failure of an event, for all consumers and over restarts; return the sum."""
        pipeline = self.client.pipeline()
        pipeline.hincrby(self.failures_key, event_id, by)
        pipeline.expire(self.failures_key, FAILURES_KEPT_SECONDS)
        return int(pipeline.execute()[0])

    def forget_failures(self, event_ids: list[str]) -> None:
        if event_ids:
            self.client.hdel(self.failures_key, *event_ids)

    def lag(self) -> dict[str, int]:
        """Return how many entries wait to be read and how many are read and unacknowledged."""
        group = self._group_state()
        return {"waiting": int(group.get("lag") or 0), "pending": int(group.get("pending") or 0)}

    def trim(self) -> str:
        """Drop the entries that every group has acknowledged and return the oldest id still needed.

        Never by length: what no group has taken in yet stays, however much it is.
        """
        needed = []
        for group in self.client.xinfo_groups(self.key):
            name = _text(group["name"])
            oldest = self.client.xpending(self.key, name)["min"] if group["pending"] else None
            needed.append(_text(oldest or group["last-delivered-id"]))
        if not needed:
            return "0-0"
        keep = min(needed, key=_order)
        self.client.xtrim(self.key, minid=keep, approximate=True)
        return keep

    def _group_state(self) -> dict[str, Any]:
        for group in self.client.xinfo_groups(self.key):
            if _text(group["name"]) == self.group:
                return dict(group)
        return {}


def _pairs(answer: Any) -> list[tuple[Any, Any]]:
    if not answer:
        return []
    return list(answer.items()) if isinstance(answer, dict) else [tuple(pair) for pair in answer]


def _entry(row: Any) -> Entry:
    entry_id, fields = row
    return Entry(_text(entry_id), (fields or {}).get(b"e", b""))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _order(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
