"""Watch the room that the switch's local record has, and tell before it is gone.

With a full disk calls and CDRs go on by way of Redis; but what Redis loses then is lost for good: a person must know.
"""

import datetime as dt
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from systemlog.choices import Category, Severity
from systemlog.duties import advisory_lock, duty
from systemlog.entries import write_entries
from systemlog.models import LogEntry

logger = logging.getLogger(__name__)

LOCK = 1_919_247_212
MEGABYTE = 1024 * 1024
# The smaller of the two counts, so that a small disk of its own does not warn for ever.
LOW_BYTES, LOW_SHARE = 500 * MEGABYTE, 0.1
FULL_BYTES, FULL_SHARE = 5 * MEGABYTE, 0.01
OK, LOW, FULL = "ok", "low", "full"
REMEMBERED = dt.timedelta(days=30)


@dataclass(frozen=True)
class Space:
    """How much room is left for the local record of this machine's switch."""

    path: str
    free: int
    total: int
    free_files: int

    @property
    def level(self) -> str:
        """Return ok, low or full."""
        if self.free < min(FULL_BYTES, self.total * FULL_SHARE) or self.free_files == 0:
            return FULL
        return LOW if self.free < min(LOW_BYTES, self.total * LOW_SHARE) else OK

    @property
    def words(self) -> str:
        """Say how much is free, and where."""
        return f"{in_words(self.free)} of {in_words(self.total)} free at {self.path}"


def details() -> dict[str, object]:
    """Return what the heartbeat of whoever keeps this machine's record carries of its room."""
    space = measure(settings.SWITCH_RECORD_DIR)
    return {"record_disk": {"level": space.level, "words": space.words}} if space else {}


def in_words(size: int) -> str:
    """Return a number of bytes as people say it."""
    for unit, bytes_each in (("GB", 1024**3), ("MB", MEGABYTE), ("KB", 1024)):
        if size >= bytes_each:
            return f"{size / bytes_each:.1f} {unit}"
    return f"{size} B"


def measure(folder: Path) -> Space | None:
    """Return the room of a folder; None where there is no record on this machine."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    free_files = found.f_favail if found.f_files else 1  # Some file systems make inodes as they need them.
    return Space(str(folder), found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize, free_files)


@duty(seconds=10.0)
def watch_record_space() -> None:
    """Log each change between enough, little and no room."""
    space = measure(settings.SWITCH_RECORD_DIR)
    if space is not None and space.level != _told.get(space.path, OK):
        with advisory_lock(LOCK) as held:
            if held:
                tell(space, settings.SWITCH_NAME)
                _told[space.path] = space.level


_told: dict[str, str] = {}


def tell(space: Space, switch: str) -> None:
    """Log a level, unless the last entry about this switch's record, another worker's maybe, said so already."""
    reason = f"record_disk_{space.level}"
    start = f"The local record of switch {switch}"
    last = (
        LogEntry.objects.filter(
            category=Category.SWITCH,
            reason__startswith="record_disk_",
            message__startswith=start,
            at__gte=timezone.now() - REMEMBERED,
        )
        .order_by("-at", "-id")
        .first()
    )
    if (last.reason if last else "record_disk_ok") == reason:
        return
    words, severity = {
        OK: ("has room again", Severity.NOTICE),
        LOW: ("will soon have no room", Severity.WARNING),
        FULL: ("has no room: its disk is full. Calls go on, but what Redis loses now is lost for good", Severity.ERROR),
    }[space.level]
    message = f"{start} {words}: {space.words}."
    logger.warning(message)
    write_entries(
        [LogEntry(at=timezone.now(), category=Category.SWITCH, severity=severity, reason=reason, message=message)]
    )
