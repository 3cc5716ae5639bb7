"""Write log entries, and name what they speak of."""

from collections.abc import Iterable
from typing import Any

from core.bulk import insert_rows
from systemlog.models import LogEntry

MAX_LABEL = 100
COLUMNS = ("at", "category", "severity", "reason", "message", "refs", "attempt_id", "number", "source", "call_id")


def ref(kind: str, pk: int | None, label: str) -> list[dict[str, Any]]:
    """Return one reference as a list to add to others; empty where there is nothing to refer to."""
    return [{"kind": kind, "id": pk, "label": label[:MAX_LABEL]}] if pk else []


def write_entries(entries: Iterable[LogEntry]) -> None:
    """Write entries in bulk, cut to what their columns hold."""
    insert_rows(LogEntry, COLUMNS, map(_row, entries))


def _row(entry: LogEntry) -> dict[str, Any]:
    return {
        "at": entry.at,
        "category": entry.category,
        "severity": entry.severity,
        "reason": entry.reason,
        "message": entry.message[:4000],
        "refs": entry.refs,
        "attempt_id": entry.attempt_id,
        "number": entry.number[:64],
        "source": entry.source,
        "call_id": entry.call_id[:256],
    }
