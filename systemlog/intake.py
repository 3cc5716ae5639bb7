"""Take events into the database: each exactly once, however often and in whatever order it is delivered.

The unique key of SeenEvent, the handlers' rows and nothing else stand in one transaction. A repeat finds its key and is
dropped; a crash before the commit leaves neither key nor rows. Callers acknowledge after the return, never before.
"""

import datetime as dt
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from systemlog.choices import Category, Severity
from systemlog.entries import write_entries
from systemlog.events import Event, text_of
from systemlog.handlers import dispatch
from systemlog.models import DeadLetter, LogEntry, SeenEvent

logger = logging.getLogger(__name__)

# The database is away, out of space, or cancelled us in favour of another (deadlock): no fault of an event.
DATABASE_AWAY = (OperationalError, InterfaceError)
MAX_FAILURES = 5


@dataclass
class Outcome:
    """What became of a batch; ``failed`` holds the events that no transaction could take, with their errors."""

    taken: list[Event] = field(default_factory=list)
    repeated: int = 0
    failed: list[tuple[Event, Exception]] = field(default_factory=list)


def take_in(events: Sequence[Event], *, repeat: bool = False) -> Outcome:
    """Commit these events' rows; on a failure halve the batch until the events at fault stand alone.

    ``repeat`` takes also what was seen before (a dead letter's retry). Raises OperationalError or InterfaceError
    where the database is away: nothing of the part at hand is then committed, and everything may be given again.
    """
    outcome = Outcome()
    _take_in(list({event.id: event for event in events}.values()), repeat, outcome)
    outcome.repeated = len(events) - len(outcome.taken) - len(outcome.failed)
    return outcome


def _take_in(events: list[Event], repeat: bool, outcome: Outcome) -> None:
    if not events:
        return
    try:
        with transaction.atomic():
            fresh = note_seen(event.id for event in events)
            new = events if repeat else [event for event in events if event.id in fresh]
            dispatch(new)
    except DATABASE_AWAY:
        raise
    except Exception as error:
        if len(events) == 1:
            logger.warning("event %s failed", events[0].id, exc_info=error)
            outcome.failed.append((events[0], error))
            return
        middle = len(events) // 2
        _take_in(events[:middle], repeat, outcome)
        _take_in(events[middle:], repeat, outcome)
    else:
        outcome.taken.extend(new)


def note_seen(event_ids: Iterable[str]) -> set[str]:
    """Note these events as seen and return the ones that were not before.

    Sorted, so that two workers with common events wait for each other rather than deadlock.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO syslog_seenevent (event_id, seen_at) SELECT unnest(%s::text[]), now() "
            "ON CONFLICT DO NOTHING RETURNING event_id",
            [sorted(set(event_ids))],
        )
        return {event_id for (event_id,) in cursor.fetchall()}


def unseen(event_ids: Sequence[str]) -> set[str]:
    """Return those of these ids that were never taken in."""
    seen = set(SeenEvent.objects.filter(event_id__any=event_ids).values_list("event_id", flat=True))
    return set(event_ids) - seen


def bury(
    *, body: str, error: str, event_id: str = "", stream_id: str = "", failures: int = 1, event: Event | None = None
) -> None:
    """Keep an event that cannot be taken in as a dead letter, once, and say so in the System Log.

    ``event`` is what could be read of it. Its id counts as seen from then on, or the local record would bring the same
    failure again and again.
    """
    with transaction.atomic():
        if event_id and not note_seen([event_id]):
            return
        DeadLetter.objects.create(
            event_id=event_id,
            stream_id=stream_id,
            body=body.replace("\x00", "\ufffd"),
            error=error.replace("\x00", "\ufffd")[:10_000],
            failures=failures,
        )
        write_entries([_dead(event_id or stream_id, error, event)])
    logger.error("event %s became a dead letter: %s", event_id or stream_id, error[:500])


# Without one of these a call is charged wrongly, or to nobody.
COUNTED = {"attempt", "decision", "answer", "end"}


def _dead(name: str, error: str, event: Event | None) -> LogEntry:
    """Return the line of a dead letter, with the call that it is about."""
    what = f"The event “{event.type}” of a call" if event else f"An event ({name[:80]})"
    cost = " The call may be charged wrongly, or not at all, until then." if event and event.type in COUNTED else ""
    return LogEntry(
        at=timezone.now(),
        category=Category.SWITCH,
        severity=Severity.ERROR,
        reason="dead_letter",
        message=f"{what} could not be taken in ({error[:300]}). It is kept as a dead letter: mend the cause and retry "
        f"it there.{cost}".replace("\x00", "\ufffd"),
        attempt_id=event.attempt if event else None,
        call_id=text_of(event.call.get("call_id")) if event else "",
    )


def prune_seen_events(now: dt.datetime, keep: dt.timedelta) -> int:
    """Forget the events seen longer ago than any possible replay; return how many.

    In pieces, so that no transaction holds the table long.
    """
    pruned = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM syslog_seenevent WHERE event_id IN "
                "(SELECT event_id FROM syslog_seenevent WHERE seen_at < %s ORDER BY seen_at LIMIT 20000)",
                [now - keep],
            )
            pruned += cursor.rowcount
            if not cursor.rowcount:
                return pruned
