"""The kill matrix: under 20 calls a second every part is killed, hung and restarted; no CDR is lost or doubled."""

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
from pytest_django import DjangoDbBlocker, Settings

from tests.faults.faults import Fault, deciders, servers, short_form, switch, workers
from tests.faults.series import judge, suffer
from tests.faults.surroundings import SlowProxy, record_disk_full
from tests.faults.traffic import Lane
from tests.stack import Stack, eventually
from tests.switch.conftest import PhoneMaker
from tests.switch.network import Network, build
from tests.switch.phone import Manner, Phone

Note = Callable[[str, object], None]
_lanes: dict[str, Lane] = {}


@pytest.fixture
def lane(stack: Stack, network: Network, phone: PhoneMaker) -> Lane:
    """The calls to the one line that all rows of a product ring."""
    url = stack.database_url
    lane = _lanes[url] = _lanes.get(url) or Lane((stack.sip_host, stack.sip_port), next(network.lines))
    phone(lane.line, Manner(answer_after=0.1))
    return lane


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(short_form, marks=pytest.mark.faults(short=True)),
        *(pytest.param(rows, marks=pytest.mark.faults) for rows in (servers, workers, deciders, switch)),
    ],
)
def test_faults_under_calls(
    rows: Callable[[Stack], list[Fault]],
    stack: Stack,
    network: Network,
    lane: Lane,
    tmp_path: Path,
    record_property: Note,
) -> None:
    """No CDR and no log entry is lost or doubled, and where the fault is none of the calls' business, none fails."""
    judge(suffer(rows(stack), [lane], network, tmp_path), record_property, timed=rows is not short_form)


@pytest.mark.faults
@pytest.mark.timeout(200)
def test_the_local_records_disk_is_full(
    stack: Stack, network: Network, lane: Lane, tmp_path: Path, record_property: Note
) -> None:
    """Calls, CDRs and log entries go on by way of Redis; System Log and the dashboard say what is wrong."""
    judge(suffer([record_disk_full(stack)], [lane], network, tmp_path), record_property)


@pytest.mark.faults
@pytest.mark.timeout(400)
def test_a_slow_database(
    django_db_blocker: DjangoDbBlocker, settings: Settings, tmp_path: Path, record_property: Note
) -> None:
    """Each answer of PostgreSQL comes 50 ms late, as from another continent: nothing waits for it but pages."""
    server = urlsplit(os.environ["DATABASE_URL"])
    connected = psycopg2.connect(os.environ["DATABASE_URL"])
    connected.autocommit = True  # No database is made inside a transaction.
    connected.cursor().execute("CREATE DATABASE far_away")
    connected.close()
    proxy = SlowProxy(server.hostname or "127.0.0.1", server.port or 5432)
    far = f"postgresql://{server.username}:{server.password}@127.0.0.1:{proxy.port}/far_away"
    stack = Stack(DATABASE_URL=far, RTP_RELAY="off")
    try:
        stack.start()
        with stack.as_default_database(django_db_blocker, settings):
            network = build()
            lane = Lane((stack.sip_host, stack.sip_port), next(network.lines))
            callee = Phone(lane.server, lane.line.user, lane.line.secret, ("127.12.250.1", 0))
            callee.manner = Manner(answer_after=0.1)
            eventually(lambda: callee.register() == 200, what="the phone is registered")
            far_away = Fault("PostgreSQL 50 ms away", lambda: proxy.slow(0.025), 10.0)
            judge(suffer([far_away], [lane], network, tmp_path), record_property)
            callee.close()
    finally:
        stack.close(keep_logs_in=None)
        proxy.close()
