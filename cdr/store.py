"""Write merged CDRs in bulk, safely beside other workers that hold events of the same calls."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable

from cdr.merge import merge
from cdr.models import CDR
from core.bulk import insert_rows
from systemlog.events import Event

COLUMNS = tuple(field.attname for field in CDR._meta.concrete_fields)
KEY = "ON CONFLICT (attempt_id, started_at) "
UPDATE = "DO UPDATE SET " + ", ".join(
    f"{column} = excluded.{column}" for column in COLUMNS if column not in {"attempt_id", "started_at"}
)
# An attempt's start is the same in all of its events; the margin only keeps the search out of old partitions.
MARGIN = dt.timedelta(hours=1)


def merge_records(events: Iterable[Event], complete: Callable[[list[CDR]], None]) -> dict[uuid.UUID, CDR]:
    """Merge events into the stored CDRs of their attempts and return these, locked until the transaction ends.

    ``complete`` adds to the merged records what comes from elsewhere, before they are written.
    """
    by_attempt: dict[uuid.UUID, list[Event]] = defaultdict(list)
    for event in events:
        by_attempt[event.attempt].append(event)
    merged: dict[uuid.UUID, CDR] = {}
    while by_attempt:
        known = _locked(by_attempt)
        for attempt, its_events in by_attempt.items():
            record = known.get(attempt) or CDR(
                attempt_id=attempt, started_at=min(event.started for event in its_events)
            )
            merged[attempt] = merge(record, its_events)
        complete([merged[attempt] for attempt in by_attempt])
        _write([merged[attempt] for attempt in known], UPDATE)
        written = _write([merged[attempt] for attempt in by_attempt if attempt not in known], "DO NOTHING")
        # What another worker inserted in between was not ours to see: merge again, into its row.
        by_attempt = {
            attempt: group for attempt, group in by_attempt.items() if attempt not in known and attempt not in written
        }
    return merged


def _locked(by_attempt: dict[uuid.UUID, list[Event]]) -> dict[uuid.UUID, CDR]:
    starts = [event.started for group in by_attempt.values() for event in group]
    rows = (
        CDR.objects.filter(attempt_id__any=by_attempt, started_at__range=(min(starts) - MARGIN, max(starts) + MARGIN))
        .order_by("attempt_id")
        .select_for_update()
    )
    return {row.attempt_id: row for row in rows}


def _write(records: list[CDR], on_conflict: str) -> set[uuid.UUID]:
    """Insert records with a conflict rule and return the attempts written."""
    records = sorted(records, key=lambda record: record.attempt_id.int)
    rows = ({column: getattr(record, column) for column in COLUMNS} for record in records)
    return {
        attempt for (attempt,) in insert_rows(CDR, COLUMNS, rows, conflict=KEY + on_conflict, returning="attempt_id")
    }
