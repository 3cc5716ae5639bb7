"""The local record: whole lines under load and rotation, and a reader that nobody's header can fool."""

import contextlib
import json
import subprocess
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from switch.record import live_files, parse_line, read_events, rotate
from tests.stack import Stack
from tests.switch import network as net
from tests.switch.network import Network
from tests.switch.sipp import Carrier, refused

CarrierAt = Callable[..., Carrier]
EVENT = {"v": 1, "switch": "sw1", "type": "attempt", "call": {"user_agent": "a|b|{"}}


def line(event: object = EVENT, before: str = "INVITE|tag||call-id|200|event|1795418480") -> bytes:
    return f"{before}|{json.dumps(event)}\n".encode()


@pytest.mark.parametrize(
    "before",
    [
        "INVITE|t||c|200|event|1",
        'INVITE|t||x|{"v":1}|200|event|1',
        'INVITE|t||{"v": 1, "switch": "evil"}|200|event|1',
        'INVITE|t||torn by a kill|{"v": 1, "switINVITE|t||c|200|event|1',
    ],
)
def test_the_event_is_the_last_object_of_its_line(before: str) -> None:
    """Fields before it may hold anything; a torn line's head does not spoil the line after it."""
    assert parse_line(line(before=before)) == EVENT


@pytest.mark.parametrize("torn", [b"", b"INVITE|t||", line()[:-10], b'x|{"v": 1, "sw', b"x|[1]\n", b'x|{"v":\xff}\n'])
def test_a_torn_line_is_no_event(torn: bytes) -> None:
    assert parse_line(torn) is None


def test_a_line_still_being_written_is_left_for_later(tmp_path: Path) -> None:
    path = tmp_path / "events_1.log"
    path.write_bytes(line() + line()[:40])
    [(event, offset)] = read_events(path)
    assert (event, offset) == (EVENT, len(line()))
    path.write_bytes(line() * 2)
    assert [event for event, _ in read_events(path, offset)] == [EVENT]


def test_rotation_under_load_tears_and_loses_no_line(
    stack: Stack, network: Network, carrier: CarrierAt, tmp_path: Path
) -> None:
    """While 100 calls a second come in, the files are moved aside three times; every call's three events are there."""
    record_dir = stack.folder.root / "switch" / "record"
    calls = carrier(net.ACME).start(refused(404), "442079469997", calls=300, rate=100)
    moved = []
    for _ in range(3):
        with contextlib.suppress(subprocess.TimeoutExpired):
            calls.process.wait(0.8)
        moved += rotate(record_dir, stack.folder.run / "rpc.sock")
    result = calls.wait()
    assert result, result.errors[:500]
    call_ids = set(result.call_ids)
    assert len(call_ids) == 300
    told = defaultdict(list)
    attempts = {}
    for path in {*moved, *record_dir.glob("*events_*.log")}:
        for raw in path.open("rb"):
            event = parse_line(raw)
            assert event is not None, raw
            told[event["attempt"]].append(event["type"])
            if event["type"] == "attempt":
                attempts[event["call"]["call_id"]] = event["attempt"]
    assert call_ids <= set(attempts)
    for call_id in call_ids:
        assert sorted(told[attempts[call_id]]) == ["attempt", "decision", "end"]
    assert not {*moved} & {*live_files(record_dir)}
