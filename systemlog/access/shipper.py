"""Moves the access log's lines into the database, and is the pulse of the web process."""

import datetime as dt
import os
import threading
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError, close_old_connections, connection, transaction
from django.utils import timezone

from systemlog.access.spool import Batch, Spool, claimed
from systemlog.heartbeats import Pulse
from systemlog.models import AccessEntry, SeenEvent

log = structlog.get_logger(__name__)

SHIP_SECONDS = 1.0
RETRY_SECONDS = 5.0
CHUNK = 500

spool = Spool(Path(settings.DATA_DIR) / "spool" / "access")


def entry_of(record: dict[str, Any]) -> AccessEntry:
    """Return the row of a line."""
    return AccessEntry(
        at=dt.datetime.fromisoformat(record["at"]),
        address=record["address"],
        user_id=record["user_id"],
        user_label=record["user_label"],
        method=record["method"],
        path=record["path"],
        status=record["status"],
        result=record["result"],
        duration_ms=record["duration_ms"],
        user_agent=record["user_agent"],
    )


def ship(waiting: Spool = spool) -> int:
    """Write all waiting lines into the database and return how many; a file is written whole or not at all.

    Raises DatabaseError while the database cannot be written; the files stay.
    """
    waiting.close()
    written = 0
    for path in waiting.ready():
        with claimed(path) as batch:
            if batch is not None:
                written += _store(batch)
    return written


def _store(batch: Batch) -> int:
    try:
        with transaction.atomic():
            if not _first_time(batch):
                return 0
            AccessEntry.objects.bulk_create([entry_of(record) for record in batch.records], batch_size=CHUNK)
    except (DataError, IntegrityError, KeyError, ValueError, TypeError):
        # One line that cannot be stored must not hold up the others for ever.
        return _store_one_by_one(batch)
    return len(batch.records)


def _first_time(batch: Batch) -> bool:
    """Note the file's identity in the same transaction, so that a crash before its removal writes nothing twice."""
    event_id = f"access:{batch.id}"
    _, made = SeenEvent.objects.get_or_create(event_id=event_id, defaults={"seen_at": timezone.now()})
    return made


def _store_one_by_one(batch: Batch) -> int:
    written = 0
    with transaction.atomic():
        if not _first_time(batch):
            return 0
        for record in batch.records:
            try:
                with transaction.atomic():
                    entry_of(record).save()
                written += 1
            except (DataError, IntegrityError, KeyError, ValueError, TypeError) as error:
                log.error("access_line_refused", error=str(error), line=record)
    return written


class Shipper(threading.Thread):
    """The thread of a web process that ships every second, and beats as ``web``."""

    def __init__(self) -> None:
        super().__init__(name="access-shipper", daemon=True)
        self.pulse = Pulse("web", "web", lambda: {"pid": os.getpid()})
        self.stopping = threading.Event()

    def run(self) -> None:
        """Ship until the process ends; an outage of the database only delays."""
        pause = SHIP_SECONDS
        while not self.stopping.wait(pause):
            pause = SHIP_SECONDS
            try:
                close_old_connections()
                self.pulse.beat()
                ship()
            except DatabaseError as error:
                log.warning("access_log_waits", error=str(error).strip())
                connection.close()
                pause = RETRY_SECONDS
            except Exception:
                log.exception("access_shipper_failed")
                pause = RETRY_SECONDS


_started_in: int | None = None
_start_lock = threading.Lock()


def start() -> None:
    """Start the thread once per process; called by the WSGI entry point, after any fork."""
    global _started_in
    with _start_lock:
        if _started_in != os.getpid():
            _started_in = os.getpid()
            Shipper().start()
