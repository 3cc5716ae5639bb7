"""Lines on disk until the database has them.

A process writes ``<uuid>.open``, locked (flock) for as long as it lives. Closed, it is ``<uuid>.ready`` and belongs to
whoever locks it first. An ``.open`` file that can be locked was left by a process that died, and is ready too.
"""

import fcntl
import json
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger(__name__)


class Spool:
    """The folder of one kind of line; ``append`` is called by requests, the rest by the shipper."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._pid = 0
        self._file: int | None = None
        self._path: Path | None = None

    def append(self, record: dict[str, Any]) -> None:
        """Write one line; a full disk costs the line and is reported, never the request."""
        line = json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        try:
            with self._lock:
                # One write call per line: O_APPEND keeps lines whole even between threads and forks.
                os.write(self._opened(), line)
        except OSError as error:
            log.error("access_line_lost", error=str(error), path=record.get("path"))

    def _opened(self) -> int:
        if self._file is not None and self._pid == os.getpid():
            return self._file
        # After a fork the parent's file stays the parent's.
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / f"{uuid.uuid4()}.open"
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        self._file, self._path, self._pid = handle, path, os.getpid()
        return handle

    def close(self) -> None:
        """Hand over what has been written so far; the next line begins a new file."""
        with self._lock:
            if self._file is None or self._path is None or self._pid != os.getpid():
                return
            self._path.rename(self._path.with_suffix(".ready"))
            os.close(self._file)
            self._file = self._path = None

    def ready(self) -> list[Path]:
        """Return the files that wait, oldest first, those of dead processes included."""
        if not self.folder.exists():
            return []
        own = self._path
        files = [path for path in self.folder.iterdir() if path.suffix in {".ready", ".open"} and path != own]
        return sorted(files, key=_age)


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


@dataclass(frozen=True)
class Batch:
    """A file that this process holds: its identity, which drops repeats, and its lines."""

    id: str
    records: list[dict[str, Any]]


@contextmanager
def claimed(path: Path) -> Iterator[Batch | None]:
    """Hold a waiting file and give its lines; None if another process has it. It is removed on a clean exit only."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        if os.fstat(handle).st_nlink == 0:
            # Shipped and removed between our look and our lock.
            yield None
            return
        yield Batch(path.stem, list(_records(path)))
        # Renamed by its owner in between (.open to .ready)? Then the next round finds and drops the repeat.
        path.unlink(missing_ok=True)
    finally:
        os.close(handle)


def _records(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            # A power cut can tear the last line.
            log.warning("access_line_torn", file=path.name)
            continue
        if isinstance(record, dict):
            yield record
