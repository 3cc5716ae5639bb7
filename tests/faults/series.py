"""Faults one after another, each under calls of its own, and what each of them cost."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest
from django.db import connection

from tests.faults.accounting import Account, account_for
from tests.faults.faults import Fault
from tests.faults.report import PROPERTY, Row
from tests.faults.traffic import RATE, Call, Lane, Traffic
from tests.switch.network import Network

# Longer than a call, which lasts 3.1 s: a fault meets calls of every age, and none that met the fault before it.
LEAD = 4.0
# Once everything is back, calls must be as if nothing had been.
TAIL = 2.0


@dataclass
class Suffered:
    """One fault, the calls it happened among, and when it and its consequences for its own part were over."""

    fault: Fault
    traffics: list[Traffic]
    over: float = 0.0
    back: float = 0.0
    calls: dict[Lane, list[Call]] = field(default_factory=dict)

    def account(self, lane: Lane, patience: float) -> Account:
        """Return the account of one lane's calls as soon as nothing is missing, or when patience ends."""
        return account_for(self.calls[lane], patience)

    def settle(self) -> None:
        """Wait for the end of its calls, and for the portal to know of them."""
        self.calls = {traffic.lane: traffic.calls() for traffic in self.traffics}
        for lane in self.calls:
            self.account(lane, 0.0 if self.fault.leaves_calls else self.fault.patience)

    def row(self, lane: Lane, account: Account) -> Row:
        """Return its row of the table."""
        recovered = max(self.back, account.last_late, account.last_harmed) - self.over
        return Row(
            f"{self.fault.name}: calls at {lane.name}" if lane.name else self.fault.name,
            len(account.calls),
            len(account.failed),
            len(account.slow),
            max((call.waited for call in account.calls), default=0.0),
            len(account.lost),
            len(account.doubled) + len(account.entries_doubled),
            len(account.entries_lost),
            max(0.0, recovered),
            account.how_failed,
        )


def suffer(faults: Iterable[Fault], lanes: Sequence[Lane], network: Network, folder: Path) -> list[Suffered]:
    """Let the faults happen and return what each met, settled.

    The last calls of one end while the first of the next begin; a fault waits until everything of the one before it is
    over and accounted for.
    """
    done: list[Suffered] = []
    with ExitStack() as running:
        for fault in faults:
            now = Suffered(fault, [running.enter_context(Traffic(lane, network, folder)) for lane in lanes])
            time.sleep(LEAD)
            if done:
                done[-1].settle()
            happen(now)
            done.append(now)
        done[-1].settle()
    return done


def happen(now: Suffered) -> None:
    """Let one fault happen, and end its calls some time after everything is back."""
    now.over = time.time()
    with now.fault.inject():
        if now.fault.lasts:
            time.sleep(now.fault.lasts)
            now.over = time.time()
    now.fault.wait_back()
    now.back = time.time()
    # The fault may have cut it.
    connection.close()
    time.sleep(TAIL)
    for traffic in now.traffics:
        traffic.finish()


def judge(series: Iterable[Suffered], record_property: Callable[[str, object], None], *, timed: bool = True) -> None:
    """Put the rows into the table, and fail where one cost anything that it may not cost.

    Not ``timed``, other tests keep the machine busy: then nobody asks how long calls waited.
    """
    wrong: list[str] = []
    for suffered in series:
        for traffic in suffered.traffics:
            account = suffered.account(traffic.lane, suffered.fault.patience)
            row = suffered.row(traffic.lane, account)
            record_property(PROPERTY, asdict(row))
            may_fail = traffic.lane.name in suffered.fault.may_fail
            wrong += [f"{row.fault}: {what}" for what in complaints(account, may_fail=may_fail, timed=timed)]
            if timed and row.calls != pytest.approx(RATE * traffic.seconds, rel=0.1):
                wrong.append(f"{row.fault}: {row.calls} calls in {traffic.seconds:.1f} s")
    assert wrong == []


def complaints(account: Account, *, may_fail: bool, timed: bool) -> list[str]:
    """Return what no fault may cost, and, where calls may not fail either, how they did."""
    found = [
        f"{words} {what}"
        for words, what in (
            ("CDRs lost", account.lost),
            ("CDRs doubled", account.doubled),
            ("log entries lost", account.entries_lost),
            ("log entries doubled", account.entries_doubled),
        )
        if what
    ]
    if account.failed and not may_fail:
        found.append(f"calls failed: {account.how_failed}")
    if account.slow and timed and not may_fail:
        found.append(f"calls waited: {[round(call.waited, 1) for call in account.slow]} s")
    return found
