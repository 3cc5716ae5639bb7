"""The kill matrix: under 20 calls a second every part is killed, hung and restarted; no CDR is lost or doubled."""

import time
from dataclasses import asdict
from pathlib import Path

import pytest
from django.db import connection

from tests.faults.accounting import Account, account_for
from tests.faults.faults import Fault, matrix
from tests.faults.report import PROPERTY, Row
from tests.faults.traffic import Traffic
from tests.stack import Stack
from tests.switch.conftest import PhoneMaker
from tests.switch.network import Line, Network
from tests.switch.phone import Manner

LEAD, TAIL = 4.0, 5.0
_line: dict[str, Line] = {}


@pytest.fixture
def line(stack: Stack, network: Network) -> Line:
    """The one line that all rows of a product ring."""
    return _line.setdefault(stack.database_url, next(network.lines))


@pytest.fixture
def traffic(stack: Stack, tmp_path: Path) -> Traffic:
    """Calls, not begun."""
    traffic = Traffic((stack.sip_host, stack.sip_port), tmp_path, 0)
    yield traffic
    traffic.stop()


def suffer(fault: Fault, stack: Stack, traffic: Traffic, network: Network, line: Line) -> tuple[Account, Row]:
    """Run the calls, let the fault happen among them, and account for all."""
    traffic.seconds = LEAD + fault.lasts + TAIL
    traffic.start(network, line)
    time.sleep(LEAD)
    over = time.time()
    with fault.inject(stack):
        if fault.lasts:
            time.sleep(fault.lasts)
            over = time.time()
    for name in fault.back:
        stack.wait_ready(name)
    back = time.time()
    connection.close()
    account = account_for(traffic.calls(), fault.patience)
    recovered = max(back if fault.back else 0, account.last_late, account.last_harmed) - over
    calls = account.calls
    return account, Row(
        fault.name,
        len(calls),
        len(account.failed),
        len(account.slow),
        max((call.waited for call in calls), default=0.0),
        len(account.lost),
        len(account.doubled) + len(account.entries_doubled),
        len(account.entries_lost),
        max(0.0, recovered),
    )


def rows() -> list[object]:
    """Return the rows as parameters; the short form runs in every run."""
    return [
        pytest.param(fault, id=fault.name.replace(" ", "-"), marks=pytest.mark.faults(short=fault.short))
        for fault in matrix()
    ]


@pytest.mark.timeout(200)
@pytest.mark.parametrize("fault", rows())
def test_a_fault_under_calls(
    fault: Fault,
    stack: Stack,
    network: Network,
    line: Line,
    phone: PhoneMaker,
    traffic: Traffic,
    record_property: object,
) -> None:
    """No CDR and no log entry is lost or doubled, and where the fault is none of the calls' business, none fails."""
    phone(line, Manner(answer_after=0.1))
    account, row = suffer(fault, stack, traffic, network, line)
    record_property(PROPERTY, asdict(row))
    assert row.calls == pytest.approx(20 * traffic.seconds, abs=3)
    assert (account.lost, account.doubled, account.entries_lost, account.entries_doubled) == ([], [], [], [])
    if not fault.calls_may_fail:
        assert [call.what for call in account.failed] == []
        assert [round(call.waited, 1) for call in account.slow] == []
