"""Nothing outlives the launcher: it adopts what its children leave, and ends it."""

import ctypes
import os
import signal
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_orphans(*, keep: int) -> int:
    """Kill every direct child but `keep`, collect what has ended, and return how many were killed."""
    killed = 0
    for child in _children():
        if child == keep:
            continue
        finished, _ = os.waitpid(child, os.WNOHANG)
        if not finished:
            os.kill(child, signal.SIGKILL)
            killed += 1
    return killed


def _children() -> list[int]:
    me = os.getpid()
    listing = Path(f"/proc/{me}/task/{me}/children").read_text()
    return [int(part) for part in listing.split()]
