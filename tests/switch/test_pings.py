"""Pings of phones come at every interval, whatever registers beside them."""

import time

from switch.record import call_rpc
from systemlog.models import LogEntry
from tests.stack import Stack, eventually
from tests.switch.conftest import PhoneMaker
from tests.switch.network import Network

INTERVAL = 5  # SIP_PING_INTERVAL of the stack


def test_a_larger_binding_is_pinged_as_soon_as_a_small_one(stack: Stack, network: Network, phone: PhoneMaker) -> None:
    """Half as much again as it has room for is what Kamailio, left alone, never pings (keeper.py)."""
    stack.stop("switch")
    stack.begin("switch")
    eventually(lambda: "*room*" in str(stack_bindings(stack)), what="room is being made")
    # One round, in which it is found.
    time.sleep(INTERVAL + 1)
    small = phone(network.line())
    eventually(lambda: bool(small.pings), what="the first phone is pinged")
    assert small.register(0) == 200
    # What a binding takes there besides its Contact: the address it came from, an identifier of 20, and lengths.
    besides = len(f"sip:{small.host}:{small.port}") + 20 + 36
    room = 2 * (besides + len(small.contact) - 8)
    line = network.line()
    padded = f"sip:{line.user}@{small.host}:40000;pad="
    large = phone(line, contact=padded + "x" * (room * 3 // 2 - besides - len(padded)))
    eventually(lambda: bool(large.pings), what="the second phone is pinged")
    # What made room was no phone, and leaves no trace.
    eventually(lambda: "*room*" not in str(stack_bindings(stack)), what="it has gone")
    assert not LogEntry.objects.filter(message__contains="*room*").exists()


def stack_bindings(stack: Stack) -> object:
    """Return what the switch holds."""
    return call_rpc(stack.folder.run / "rpc.sock", "ul.dump", "brief")
