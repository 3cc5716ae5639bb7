"""The kill matrix with two switches and two workers: one of them is killed, hangs, joins or leaves (docs/cluster.md).

Each switch has calls of its own, 20 a second, so that a row tells what the other one's calls saw of it.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from launcher import health

from tests.faults.faults import HANG_SECONDS, Fault, Injection
from tests.faults.series import judge, suffer
from tests.faults.traffic import Lane
from tests.node import SECOND, Node, second_switch
from tests.stack import Stack, eventually
from tests.switch.conftest import PhoneMaker
from tests.switch.network import Network
from tests.switch.phone import Manner

DECIDERS = ("sw2-decider-1", "sw2-decider-2")


@dataclass(frozen=True)
class Pair:
    """The second switch and the second worker."""

    switch: Node
    worker: Node


@pytest.fixture(scope="module")
def pair(running_stack: Stack) -> Iterator[Pair]:
    """Both have joined."""
    with second_switch(running_stack) as switch, Node(running_stack, "worker", "worker-2") as worker:
        yield Pair(switch, worker)


@pytest.fixture
def lanes(stack: Stack, pair: Pair, network: Network, phone: PhoneMaker) -> list[Lane]:
    """Calls for each of the switches."""
    servers = {"sw1": (stack.sip_host, stack.sip_port), "sw2": (SECOND, int(pair.switch.settings["SIP_PORT"]))}
    lanes = [Lane(server, next(network.lines), name) for name, server in servers.items()]
    for lane in lanes:
        phone(lane.line, Manner(answer_after=0.1), server=lane.server)
    return lanes


def killed(node: Node, *names: str) -> Injection:
    """Kill processes of one node; its supervisor starts them again."""

    @contextmanager
    def inject() -> Iterator[None]:
        before = {name: node.supervisor.signal(name, signal.SIGKILL) for name in names}
        yield
        for name, pid in before.items():
            eventually(lambda name=name, pid=pid: node.supervisor.pid(name) not in {0, pid}, what=f"{name} is started")

    return inject


def hung(node: Node, *names: str) -> Injection:
    """Stop processes of one node where they are, and let them go on."""
    return lambda: node.paused(*names)


def left_and_joined(node: Node) -> Injection:
    """Let a node leave as an operator does, and join again under the same calls."""

    @contextmanager
    def inject() -> Iterator[None]:
        node.leave()
        yield
        node.join()

    return inject


def rows(stack: Stack, pair: Pair) -> list[Fault]:
    """Return what happens to one of several."""

    def row(name: str, inject: Injection, lasts: float = 0.0, **more: object) -> Fault:
        return Fault(name, inject, lasts, lambda: wait_beating(stack), **more)

    switch, worker = pair.switch, pair.worker
    costly: dict[str, object] = {"may_fail": ("sw2",), "leaves_calls": True}
    return [
        row("sw2 killed", killed(switch, "switch"), **costly),
        row("sw2 hung", hung(switch, "switch"), HANG_SECONDS, **costly),
        row("sw2 left and joined", left_and_joined(switch), 3.0, **costly),
        row("one decider of sw2 killed", killed(switch, DECIDERS[0])),
        row("one decider of sw2 hung", hung(switch, DECIDERS[0]), HANG_SECONDS),
        row("both deciders of sw2 killed", killed(switch, *DECIDERS), may_fail=("sw2",)),
        row("one worker of two killed", killed(worker, "ingest")),
        row("one worker of two hung", hung(worker, "ingest"), HANG_SECONDS),
        row("a worker left and joined", left_and_joined(worker), 2.0),
    ]


def wait_beating(stack: Stack) -> None:
    """Return when everything of the two nodes has given a sign of life since now."""
    now, names = time.time(), {"sw2", *DECIDERS, "worker-2@voipbilling"}
    eventually(
        lambda: set(health.beating(stack.database_url, tuple(names), since=now, ready=True)) == names, what="they work"
    )


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_harm_to_one_of_several(
    stack: Stack,
    pair: Pair,
    network: Network,
    lanes: list[Lane],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """No CDR is lost or doubled at either switch; calls fail at most at the switch that was harmed."""
    judge(suffer(rows(stack, pair), lanes, network, tmp_path), record_property)
