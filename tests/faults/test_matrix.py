"""The kill matrix: under 20 calls a second every part is killed, hung and restarted; no CDR is lost or doubled."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
from django.db import connection
from launcher.product import NODES
from pytest_django import DjangoDbBlocker, Settings

from cdr import today
from core.models import Heartbeat
from systemlog.models import LogEntry
from tests.faults.accounting import Account, account_for
from tests.faults.faults import Fault, matrix
from tests.faults.report import PROPERTY, Row
from tests.faults.surroundings import SlowProxy, fill, full_disk
from tests.faults.traffic import Traffic
from tests.stack import Stack, eventually
from tests.switch.conftest import PhoneMaker
from tests.switch.network import Line, Network, build
from tests.switch.phone import Manner, Phone

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


def note(record_property: Callable[[str, object], None], account: Account, row: Row) -> None:
    """Put a row into the table, and fail where anything was lost or doubled."""
    record_property(PROPERTY, asdict(row))
    assert (account.lost, account.doubled, account.entries_lost, account.entries_doubled) == ([], [], [], [])


def unharmed(account: Account, *, timed: bool = True) -> None:
    """Assert that no call failed, and none waited; the latter not where other tests keep the machine busy."""
    assert [call.what for call in account.failed] == []
    if timed:
        assert [round(call.waited, 1) for call in account.slow] == []


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
    record_property: Callable[[str, object], None],
    request: pytest.FixtureRequest,
) -> None:
    """No CDR and no log entry is lost or doubled, and where the fault is none of the calls' business, none fails."""
    phone(line, Manner(answer_after=0.1))
    account, row = suffer(fault, stack, traffic, network, line)
    note(record_property, account, row)
    assert row.calls == pytest.approx(20 * traffic.seconds, abs=3)
    if not fault.calls_may_fail:
        unharmed(account, timed=request.config.getoption("--faults"))


@pytest.mark.faults
@pytest.mark.timeout(200)
def test_the_local_records_disk_is_full(
    stack: Stack,
    network: Network,
    line: Line,
    phone: PhoneMaker,
    traffic: Traffic,
    record_property: Callable[[str, object], None],
) -> None:
    """Calls, CDRs and log entries go on by way of Redis; System Log and the dashboard say what is wrong."""
    phone(line, Manner(answer_after=0.1))
    record = stack.folder.root / "switch" / "record"

    @contextmanager
    def inject(stack: Stack) -> Iterator[None]:
        with full_disk(stack):
            fill(record)
            yield
            eventually(LogEntry.objects.filter(reason="record_disk_full").exists, what="System Log says so")
            beat = Heartbeat.objects.get(name=NODES["ingest"])
            assert "its disk is full" in today.alarm(beat)

    fault = Fault("disk of the local record full", inject, 10.0)
    account, row = suffer(fault, stack, traffic, network, line)
    note(record_property, account, row)
    unharmed(account)
    eventually(LogEntry.objects.filter(reason="record_disk_ok").exists, what="System Log says that it has room again")


@pytest.mark.faults
@pytest.mark.timeout(400)
def test_a_slow_database(
    django_db_blocker: DjangoDbBlocker,
    settings: Settings,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """Each answer of PostgreSQL comes 50 ms late, as from another continent: nothing waits for it but pages."""
    server = urlsplit(os.environ["DATABASE_URL"])
    connected = psycopg2.connect(os.environ["DATABASE_URL"])
    connected.autocommit = True  # No database is made inside a transaction.
    connected.cursor().execute("CREATE DATABASE far_away")
    connected.close()
    proxy = SlowProxy(server.hostname or "127.0.0.1", server.port or 5432, delay=0.025)
    far = f"postgresql://{server.username}:{server.password}@127.0.0.1:{proxy.port}/far_away"
    stack = Stack(DATABASE_URL=far, RTP_RELAY="off")
    traffic = Traffic((stack.sip_host, stack.sip_port), tmp_path, 0)
    try:
        stack.start()
        with stack.as_default_database(django_db_blocker, settings):
            network = build()
            line = next(network.lines)
            callee = Phone((stack.sip_host, stack.sip_port), line.user, line.secret, ("127.12.250.1", 0))
            callee.manner = Manner(answer_after=0.1)
            eventually(lambda: callee.register() == 200, what="the phone is registered")
            fault = Fault("PostgreSQL 50 ms away", lambda _: nullcontext(), 10.0)
            account, row = suffer(fault, stack, traffic, network, line)
            callee.close()
        note(record_property, account, row)
        unharmed(account)
    finally:
        traffic.stop()
        stack.close(keep_logs_in=None)
        proxy.close()
