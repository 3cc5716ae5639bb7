"""Reconcile from the switch's local record: what the stream did not bring is taken in from the files.

The stream is the fast way, the record the sure one. Each line is looked at once it is a few seconds old; if its event
was not seen by then, it takes the same path into the database. What was only late is dropped there as a repeat. So
nothing is lost with a stream that is away, emptied or killed, nor with a switch that dies before its queue is flushed.
"""

import datetime as dt
import logging
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from switch import record
from systemlog.duties import advisory_lock, duty
from systemlog.events import Event, InvalidEvent, event_of
from systemlog.intake import MAX_FAILURES, bury, take_in, unseen
from systemlog.models import ReadPosition

logger = logging.getLogger(__name__)

# 'rec' and a bit; any numbers will do that no other advisory lock of this database uses. Each switch has its own
# record, and whoever sees its files may reconcile it: an ingest worker on its machine, or its node's own process.
LOCK = (1_919_247_203 << 32) | zlib.crc32(settings.SWITCH_NAME.encode())
SETTLED = dt.timedelta(seconds=5)
BATCH = 500
LONGEST_PASS = 1.0  # The consumer's thread does this too, and must beat and read.
ROTATE_BYTES = 64 * 1024 * 1024
ROTATE_EVERY = dt.timedelta(days=1)


@dataclass
class Line:
    """One line's event, or what is wrong with it, and the offset behind it."""

    event: Event | None
    raw: str
    error: str
    end: int


@duty(seconds=2.0, when_caught_up=True)
def reconcile() -> bool:
    """Bring in what the local record holds and the database does not; return whether more is left to look at."""
    if not settings.SWITCH_RECORD_DIR.is_dir():
        return False
    with advisory_lock(LOCK) as held:
        return held and reconcile_folder(settings.SWITCH_RECORD_DIR, until=time.monotonic() + LONGEST_PASS)


def reconcile_folder(folder: Path, *, until: float, settled: dt.timedelta = SETTLED) -> bool:
    """Go on with every file of a record from where it was left; return whether time ran out before the end."""
    files = {position_key(path): path for path in folder.glob("*events_*.log")}
    # An inode is used again once its file is deleted; what it stood for must be forgotten by then.
    ReadPosition.objects.filter(source__startswith=folder_key(folder)).exclude(source__in=files).delete()
    positions = {row.source: row for row in ReadPosition.objects.filter(source__in=files)}
    for key, path in sorted(files.items(), key=lambda item: item[1].name):
        position = positions.get(key) or ReadPosition(source=key)
        try:
            if path.stat().st_size == position.offset:
                continue
            while take_piece(path, position, timezone.now() - settled):
                if time.monotonic() > until:
                    return True
        except FileNotFoundError:
            continue  # Rotated in this moment; it is found under its new name, by its inode, at the next pass.
    return False


def position_key(path: Path) -> str:
    """Return what a file is known by: its inode, so that a rotation does not make it new."""
    return f"{folder_key(path.parent)}{path.stat().st_ino}"


def folder_key(folder: Path) -> str:
    """Return how the keys of a record's files begin: two machines may keep theirs under one path."""
    return f"{settings.SWITCH_NAME}:{folder.resolve()}"[-220:] + "#"


def take_piece(path: Path, position: ReadPosition, settled_before: dt.datetime) -> bool:
    """Take in the next lines of a file and note how far it is done; return whether there may be more."""
    lines = list(read_settled(path, position.offset, settled_before))
    if not lines:
        return False
    events = [line.event for line in lines if line.event]
    missing = unseen([event.id for event in events]) if events else set()
    if missing:
        outcome = take_in([event for event in events if event.id in missing])
        bodies = {line.event.id: line.raw for line in lines if line.event}
        for event, error in outcome.failed:
            retry_or_bury(event, bodies[event.id], error)
        logger.warning("%d events taken in from the local record %s", len(outcome.taken), path.name)
    for line in lines:
        if line.error:
            bury(body=line.raw, error=line.error, event_id=f"record:{position.source[-60:]}:{line.end}")
    position.offset = lines[-1].end
    position.save()
    return len(lines) == BATCH


def read_settled(path: Path, offset: int, settled_before: dt.datetime) -> Iterable[Line]:
    """Yield up to a batch of whole lines that are old enough for the stream to have brought their events.

    A file that nobody wrote to since then is old enough as a whole, whatever the times in its lines.
    """
    stat = path.stat()
    quiet = stat.st_mtime < settled_before.timestamp()
    with path.open("rb") as file:
        # A file shorter than its position is another one, with a deleted file's inode.
        file.seek(offset if offset <= stat.st_size else 0)
        for _ in range(BATCH):
            raw = file.readline()
            if not raw.endswith(b"\n"):
                return
            data = record.parse_line(raw)
            text = raw.decode("utf-8", "replace")
            if data is None:
                # Torn by its writer's death; without its head or tail nothing can be told from it.
                logger.warning("a torn line in the local record %s", path.name)
                yield Line(None, text, "", file.tell())
                continue
            try:
                event = event_of(data)
            except InvalidEvent as error:
                yield Line(None, text, str(error), file.tell())
                continue
            if not quiet and settled_before < event.at <= timezone.now():
                return
            yield Line(event, text, "", file.tell())


def retry_or_bury(event: Event, body: str, error: Exception) -> None:
    """Try an event a few times more, alone; the record moves on, so here and now."""
    failure: Exception = error
    for _ in range(MAX_FAILURES - 1):
        outcome = take_in([event])
        if not outcome.failed:
            return
        failure = outcome.failed[0][1]
    text = f"{type(failure).__name__}: {failure}"
    start = body.rfind(record.EVENT_START.decode())
    bury(body=body[start + 1 :].strip(), error=text, event_id=event.id, failures=MAX_FAILURES, event=event)


@duty(seconds=60.0, when_caught_up=True)
def tidy() -> bool:
    """Rotate the record when it is large or a day old, and delete rotated files that are done with and past keeping."""
    folder = settings.SWITCH_RECORD_DIR
    if not folder.is_dir():
        return False
    with advisory_lock(LOCK) as held:
        if held:
            rotate_if_due(folder, settings.SWITCH_RPC_SOCKET)
            delete_reconciled(folder, dt.timedelta(days=settings.SWITCH_RECORD_DAYS))
    return False


def rotate_if_due(folder: Path, rpc_socket: Path) -> None:
    files = record.live_files(folder)
    sizes = sum(path.stat().st_size for path in files)
    rotations = [path.stat().st_ctime for path in folder.glob("rotated-*")]
    # ctime of a rotated file is its renaming; without one, the folder itself is as old as the record.
    last = max(rotations, default=min((path.stat().st_mtime for path in files), default=time.time()))
    if sizes > ROTATE_BYTES or (sizes and time.time() - last > ROTATE_EVERY.total_seconds()):
        moved = record.rotate(folder, rpc_socket)
        logger.info("local record rotated: %d files", len(moved))


def delete_reconciled(folder: Path, keep: dt.timedelta) -> None:
    oldest = time.time() - keep.total_seconds()
    done = {row.source: row.offset for row in ReadPosition.objects.all()}
    for path in folder.glob("rotated-*events_*.log"):
        stat = path.stat()
        key = position_key(path)
        if stat.st_mtime < oldest and done.get(key) == stat.st_size:
            path.unlink()
            ReadPosition.objects.filter(source=key).delete()
