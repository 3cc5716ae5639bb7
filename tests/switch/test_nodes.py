"""Several of each: a second switch and a second worker join, work, die and leave under calls (docs/cluster.md)."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from launcher.ports import free_port

from core.models import Heartbeat
from systemlog.models import LogEntry
from tests.node import Node
from tests.stack import Stack
from tests.switch.conftest import PhoneMaker, Story
from tests.switch.network import ACME, Network
from tests.switch.sipp import Carrier, hang_up, talking

SECOND = "127.0.0.2"


@pytest.fixture(scope="module")
def sw2(running_stack: Stack) -> Iterator[Node]:
    """A second switch, which joined while the product ran; the module's tests share it."""
    port = free_port(SECOND)
    node = Node(
        running_stack, "switch", "sw2", SIP_LISTEN=SECOND, SIP_ADDRESS=SECOND, SIP_PORT=str(port), EVAPI_LISTEN=""
    )
    with node:
        yield node


@pytest.fixture
def at_sw2(sw2: Node) -> tuple[str, int]:
    """Where the second switch listens."""
    return SECOND, int(sw2.settings["SIP_PORT"])


@pytest.fixture
def carrier_at(tmp_path: Path) -> Callable[..., Carrier]:
    """A carrier that calls one of the switches."""
    return lambda server, source=ACME: Carrier(server, source, tmp_path)


def test_calls_and_records_of_two_switches(
    sw2: Node,
    at_sw2: tuple[str, int],
    server: tuple[str, int],
    network: Network,
    carrier_at: Callable[..., Carrier],
    phone: PhoneMaker,
    story: Story,
) -> None:
    """Each decides its calls, registers its phones and records what it did under its own name."""
    for where, name in ((server, "sw1"), (at_sw2, "sw2")):
        line = network.line()
        phone(line, server=where)
        result = carrier_at(where).call(talking(0.1) + hang_up(), line.number)
        assert result, result.errors
        record = story.tells(result, "completed", 200, 16, "call")
        assert record.switch == name
    assert Heartbeat.objects.get(name="sw2").kind == "switch"
    assert LogEntry.objects.filter(category="switch", message__startswith="Switch sw2 started").exists()
