"""What the consumer does beside consuming, at intervals: higher apps register theirs.

Such work belongs to the consumer's thread and not to beat where it must know that the stream is read to its end, or be
done within seconds. It runs in the consumer's process alone; several consumers share it by advisory locks.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection

from systemlog.intake import DATABASE_AWAY

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Duty:
    name: str
    seconds: float
    when_idle: bool
    function: Callable[[], object]


_duties: list[Duty] = []


def duty(*, seconds: float, when_idle: bool = False) -> Callable[[Callable[[], object]], Callable[[], object]]:
    """Register the decorated function to run every so many seconds; ``when_idle`` only when no event waits."""

    def register(function: Callable[[], object]) -> Callable[[], object]:
        _duties.append(Duty(f"{function.__module__}.{function.__qualname__}", seconds, when_idle, function))
        return function

    return register


class Schedule:
    """When each duty of one consumer is due next."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}

    def run_due(self, *, idle: bool = False) -> None:
        """Run what is due. A duty that fails is logged and tried again at its next time; it never stops the intake."""
        for entry in _duties:
            now = time.monotonic()
            if now < self._due.get(entry.name, 0.0) or (entry.when_idle and not idle):
                continue
            self._due[entry.name] = now + entry.seconds
            try:
                entry.function()
            except DATABASE_AWAY:
                raise
            except Exception:
                logger.exception("duty %s failed", entry.name)


class advisory_lock:
    """Hold a PostgreSQL advisory lock for the block if it is free; the value says whether it was.

    Of the session, not of a transaction: the block may commit several times.
    """

    def __init__(self, key: int) -> None:
        self.key = key
        self.held = False

    def __enter__(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [self.key])
            self.held = bool(cursor.fetchone()[0])
        return self.held

    def __exit__(self, *exc: object) -> None:
        if self.held and connection.connection is not None and not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [self.key])
