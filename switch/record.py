"""Read and rotate the switch's local record of events (CONTRACT.md, section 3). Pure standard library."""

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EVENT_START = b'|{"v":'
LIVE_PATTERN = "events_*.log"


class RpcError(RuntimeError):
    """The switch did not answer, or answered with an error."""


def parse_line(line: bytes) -> dict[str, Any] | None:
    """Return the event of one line, or None where the line is torn (its writer was killed).

    The object starts after the last `|{"v":`: the fields before it may hold anything a stranger wrote, JSON text
    cannot hold that sequence, because a quote inside a string is escaped.
    """
    start = line.rfind(EVENT_START)
    if start < 0:
        return None
    try:
        event = json.loads(line[start + 1 :])
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def read_events(path: Path, offset: int = 0) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield each whole event of a file from a byte offset, with the offset behind its line.

    A last line without its newline is still being written and is left for the next reading.
    """
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            event = parse_line(line)
            if event is not None:
                yield event, offset


def live_files(record_dir: Path) -> list[Path]:
    """Return the files the switch appends to, oldest change first."""
    return sorted(record_dir.glob(LIVE_PATTERN), key=lambda path: path.stat().st_mtime)


def call_rpc(rpc_socket: Path, method: str, *params: str | int, timeout: float = 2) -> Any:
    """Return the result of one JSON-RPC 2.0 call over the switch's UNIX datagram socket; raise RpcError."""
    own = rpc_socket.with_name(f"client-{os.getpid()}-{time.monotonic_ns()}.sock")
    client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        client.bind(str(own))
        client.settimeout(timeout)
        request = {"jsonrpc": "2.0", "method": method, "params": list(params), "id": 1}
        client.sendto(json.dumps(request).encode(), str(rpc_socket))
        answer = json.loads(client.recv(1 << 20))
    except (OSError, ValueError) as error:
        raise RpcError(f"{method}: {error}") from error
    finally:
        client.close()
        own.unlink(missing_ok=True)
    if "error" in answer:
        raise RpcError(f"{method}: {answer['error'].get('message', answer['error'])}")
    return answer.get("result")


def rotate(record_dir: Path, rpc_socket: Path) -> list[Path]:
    """Move the live files aside, tell the switch to open new ones, and return the moved files: they grow no more.

    Without a running switch (RpcError) nobody writes, so the moved files are final as well.
    """
    stamp = time.time_ns()
    moved = []
    for path in live_files(record_dir):
        target = path.with_name(f"rotated-{stamp}-{path.name}")
        path.rename(target)
        moved.append(target)
    try:
        call_rpc(rpc_socket, "flatstore.k_rotate")
    except RpcError:
        if rpc_socket.exists() and _answers(rpc_socket):
            raise
    return moved


def _answers(rpc_socket: Path) -> bool:
    try:
        call_rpc(rpc_socket, "core.uptime")
    except RpcError:
        return False
    return True
