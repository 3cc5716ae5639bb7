"""What the consumer does beside consuming, at intervals: higher apps register theirs.

Such work belongs to the consumer's thread and not to beat where it must know that the stream is read to its end, or be
done within seconds. It runs in the consumer's process alone; several consumers share it by advisory locks.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.db import connection

from systemlog.intake import DATABASE_AWAY

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Duty:
    name: str
    seconds: float
    when_caught_up: bool
    function: Callable[[], bool | None]


_duties: list[Duty] = []


DutyFunction = TypeVar("DutyFunction", bound=Callable[[], bool | None])


def duty(*, seconds: float, when_caught_up: bool = False) -> Callable[[DutyFunction], DutyFunction]:
    """Register the decorated function to run every so many seconds; it may return True to be called again at once.

    With ``when_caught_up`` it runs only while no batch of events waits in the stream, or the stream is away.
    """

    def register(function: DutyFunction) -> DutyFunction:
        _duties.append(Duty(f"{function.__module__}.{function.__qualname__}", seconds, when_caught_up, function))
        return function

    return register


class Schedule:
    """When each duty of one consumer is due next."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}

    def run_due(self, *, caught_up: bool) -> None:
        """Run what is due. A duty that fails is logged and tried again at its next time; it never stops the intake."""
        for entry in _duties:
            now = time.monotonic()
            if now < self._due.get(entry.name, 0.0) or (entry.when_caught_up and not caught_up):
                continue
            self._due[entry.name] = now + entry.seconds
            try:
                if entry.function():
                    self._due[entry.name] = now
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
