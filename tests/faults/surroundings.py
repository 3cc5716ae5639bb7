"""Faults of what the product stands on: a disk without room, a database far away."""

import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from launcher.product import NODES

from cdr import today
from core.models import Heartbeat
from switch.record import RpcError, call_rpc
from systemlog.models import LogEntry
from tests.faults.faults import Fault
from tests.stack import Stack, eventually

TMPFS_SIZE = "256k"


def record_disk_full(stack: Stack) -> Fault:
    """Return the row of a switch whose local record finds no room, which System Log and the dashboard tell."""
    record = stack.folder.root / "switch" / "record"

    @contextmanager
    def inject() -> Iterator[None]:
        with small_disk(stack, record):
            fill(record)
            yield
            eventually(LogEntry.objects.filter(reason="record_disk_full").exists, what="System Log says so")
            assert "its disk is full" in today.alarm(Heartbeat.objects.get(name=NODES["ingest"]))

    def has_room() -> None:
        told = LogEntry.objects.filter(reason="record_disk_ok")
        eventually(told.exists, what="System Log says that it has room again")

    return Fault("disk of the local record full", inject, 10.0, has_room)


@contextmanager
def small_disk(stack: Stack, record: Path) -> Iterator[None]:
    """Put the switch's local record on a small tmpfs."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_SIZE},mode=700", "tmpfs", str(record)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    try:
        reopen(stack)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(record)], check=True)
        reopen(stack)


def fill(record: Path) -> None:
    """Leave no byte free."""
    with suppress(OSError), (record / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(b"\0" * 4096)


def reopen(stack: Stack) -> None:
    """Have the switch open the files of its record anew, at their path."""
    with suppress(RpcError):
        call_rpc(stack.folder.run / "rpc.sock", "flatstore.k_rotate")


class SlowProxy:
    """Passes TCP on to a server, while it is slow each byte so many seconds late in each direction."""

    def __init__(self, host: str, port: int) -> None:
        self.target, self.delay = (host, port), 0.0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection(self.target)
                for end in (near, far):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _Way(self, near, far)
                _Way(self, far, near)

    @contextmanager
    def slow(self, delay: float) -> Iterator[None]:
        """Be slow for the time of the body."""
        self.delay = delay
        yield
        self.delay = 0.0

    def close(self) -> None:
        """Take no more connections."""
        self.listener.close()


class _Way:
    """One direction of a connection: read at once, sent when the delay is over, so that it costs time, not volume."""

    def __init__(self, proxy: SlowProxy, source: socket.socket, sink: socket.socket) -> None:
        self.proxy, self.source, self.sink = proxy, source, sink
        self.waiting: deque[tuple[float, bytes]] = deque()
        self.filled = threading.Condition()
        for work in (self._read, self._write):
            threading.Thread(target=work, daemon=True).start()

    def _read(self) -> None:
        data = b"begun"
        while data:
            data = b""
            with suppress(OSError):
                data = self.source.recv(65536)
            with self.filled:
                self.waiting.append((time.monotonic() + self.proxy.delay, data))
                self.filled.notify()

    def _write(self) -> None:
        while True:
            with self.filled:
                self.filled.wait_for(lambda: bool(self.waiting))
                due, data = self.waiting.popleft()
            time.sleep(max(0.0, due - time.monotonic()))
            with suppress(OSError):
                if data:
                    self.sink.sendall(data)
                    continue
            for end in (self.source, self.sink):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            return
