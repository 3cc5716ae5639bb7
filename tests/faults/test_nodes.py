"""The kill matrix with two switches and two workers: one of them is killed, hangs, joins or leaves (docs/cluster.md).

Each switch has calls of its own, 20 a second, so that a row tells what the other one's calls saw of it.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from django.db import connection
from launcher import health

from tests.faults.accounting import account_for
from tests.faults.faults import HANG_SECONDS
from tests.faults.report import PROPERTY, Row
from tests.faults.traffic import Traffic
from tests.node import SECOND, Node, second_switch
from tests.stack import Stack, eventually
from tests.switch.conftest import PhoneMaker
from tests.switch.network import Line, Network
from tests.switch.phone import Manner

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]
LEAD, TAIL = 4.0, 6.0
_lines: dict[str, tuple[Line, Line]] = {}


@dataclass(frozen=True)
class Pair:
    """The second switch and the second worker."""

    stack: Stack
    switch: Node
    worker: Node


@pytest.fixture(scope="module")
def pair(running_stack: Stack) -> Iterator[Pair]:
    """Both have joined; the rows share them."""
    with second_switch(running_stack) as switch, Node(running_stack, "worker", "worker-2") as worker:
        yield Pair(running_stack, switch, worker)


@pytest.fixture
def lines(stack: Stack, network: Network) -> tuple[Line, Line]:
    """A line for each switch's calls."""
    return _lines.setdefault(stack.database_url, (next(network.lines), next(network.lines)))


@dataclass(frozen=True)
class Harm:
    """One row: what happens, how long it lasts, and at which switch calls may fail."""

    name: str
    inject: Callable[[Pair], object]
    lasts: float = 0.0
    may_fail: tuple[str, ...] = ()
    patience: float = 30.0


def killed(which: str, *names: str) -> Callable[[Pair], object]:
    """Kill processes of one node; its supervisor starts them again."""

    @contextmanager
    def inject(pair: Pair) -> Iterator[None]:
        node: Node = getattr(pair, which)
        before = {name: node.supervisor.signal(name, signal.SIGKILL) for name in names}
        yield
        for name, pid in before.items():
            eventually(lambda name=name, pid=pid: node.supervisor.pid(name) not in {0, pid}, what=f"{name} is started")

    return inject


def hung(which: str, *names: str) -> Callable[[Pair], object]:
    """Stop processes of one node where they are, and let them go on."""
    return lambda pair: getattr(pair, which).paused(*names)


def left_and_joined(which: str) -> Callable[[Pair], object]:
    """Let a node leave as an operator does, and join again under the same calls."""

    @contextmanager
    def inject(pair: Pair) -> Iterator[None]:
        node: Node = getattr(pair, which)
        node.leave()
        yield
        node.join()

    return inject


DECIDERS = ("sw2-decider-1", "sw2-decider-2")
HARMS = (
    Harm("sw2 killed", killed("switch", "switch"), may_fail=("sw2",), patience=90),
    Harm("sw2 hung", hung("switch", "switch"), HANG_SECONDS, ("sw2",), 90),
    Harm("sw2 left and joined", left_and_joined("switch"), 3.0, ("sw2",), 90),
    Harm("one decider of sw2 killed", killed("switch", DECIDERS[0])),
    Harm("one decider of sw2 hung", hung("switch", DECIDERS[0]), HANG_SECONDS),
    Harm("both deciders of sw2 killed", killed("switch", *DECIDERS), may_fail=("sw2",)),
    Harm("one worker of two killed", killed("worker", "ingest")),
    Harm("one worker of two hung", hung("worker", "ingest"), HANG_SECONDS),
    Harm("a worker left and joined", left_and_joined("worker"), 2.0),
)


@pytest.mark.parametrize("harm", HARMS, ids=[harm.name.replace(" ", "-") for harm in HARMS])
def test_harm_to_one_of_several(
    harm: Harm,
    stack: Stack,
    pair: Pair,
    network: Network,
    lines: tuple[Line, Line],
    phone: PhoneMaker,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """No CDR is lost or doubled at either switch; calls fail at most at the switch that was harmed."""
    servers = {"sw1": (stack.sip_host, stack.sip_port), "sw2": (SECOND, int(pair.switch.settings["SIP_PORT"]))}
    runs = {}
    for (name, server), line in zip(servers.items(), lines, strict=True):
        phone(line, Manner(answer_after=0.1), server=server)
        folder = tmp_path / name
        folder.mkdir()
        runs[name] = Traffic(server, folder, LEAD + harm.lasts + TAIL)
    try:
        for traffic, line in zip(runs.values(), lines, strict=True):
            traffic.start(network, line)
        time.sleep(LEAD)
        over = time.time()
        with harm.inject(pair):
            time.sleep(harm.lasts)
            over = time.time()
        connection.close()
        for name, traffic in runs.items():
            account = account_for(traffic.calls(), harm.patience)
            recovered = max(0.0, max(account.last_late, account.last_harmed) - over)
            slowest = max((call.waited for call in account.calls), default=0.0)
            row = Row(
                f"{harm.name}: calls at {name}", len(account.calls), len(account.failed), len(account.slow), slowest,
                len(account.lost), len(account.doubled) + len(account.entries_doubled), len(account.entries_lost),
                recovered,
            )  # fmt: skip
            record_property(PROPERTY, asdict(row))
            assert (account.lost, account.doubled, account.entries_lost, account.entries_doubled) == ([], [], [], [])
            if name not in harm.may_fail:
                assert [call.what for call in account.failed] == []
    finally:
        for traffic in runs.values():
            traffic.stop()
    # The next row must not meet what this one has killed.
    back = {"sw2", *DECIDERS}
    url = stack.database_url
    eventually(lambda: set(health.beating(url, tuple(back), since=over, ready=True)) == back, what="sw2 works again")
