"""Write log entries, and name what they speak of."""

from collections.abc import Iterable
from typing import Any

from systemlog.models import LogEntry

MAX_LABEL = 100


def ref(kind: str, pk: int | None, label: str) -> list[dict[str, Any]]:
    """Return one reference as a list to add to others; empty where there is nothing to refer to."""
    return [{"kind": kind, "id": pk, "label": label[:MAX_LABEL]}] if pk else []


def write_entries(entries: Iterable[LogEntry]) -> None:
    """Write entries in bulk, cut to what their columns hold."""
    entries = list(entries)
    for entry in entries:
        entry.message = entry.message[:4000]
        entry.number = entry.number[:64]
        entry.call_id = entry.call_id[:256]
    LogEntry.objects.bulk_create(entries, batch_size=1000)
