"""The consumer loses nothing and doubles nothing, whatever dies."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection

from accounts.models import Account
from billing.ledger import check_ledger
from billing.models import LedgerEntry
from cdr.models import CDR
from core.models import Heartbeat
from systemlog import consumer as consumer_module
from systemlog import intake
from systemlog.consumer import Consumer
from systemlog.events import Event
from systemlog.models import DeadLetter, LogEntry
from systemlog.stream import EventStream, connect
from tests.calls import Call, line
from tests.cdr.test_charging import route
from tests.systemlog.killed_consumer import POINTS
from tests.systemlog.own_valkey import OwnValkey, wait_for

__all__ = ["route"]
pytestmark = pytest.mark.django_db(transaction=True)


def fill(stream: EventStream, calls: int) -> None:
    events = [line(event) for _ in range(calls) for event in Call().answered(alias="u1001")]
    stream.add(events)


def drain(consumer: Consumer, rounds: int = 50) -> None:
    """Step until nothing waits and nothing is pending."""
    for _ in range(rounds):
        consumer.step()
        if consumer.stream.lag() == {"waiting": 0, "pending": 0}:
            return
    raise AssertionError(f"still {consumer.stream.lag()} after {rounds} rounds")


def assert_complete(calls: int) -> None:
    assert CDR.objects.count() == calls
    assert CDR.objects.filter(reason="completed", rang_at__isnull=False, answered_at__isnull=False).count() == calls
    assert LogEntry.objects.filter(category="call").count() == calls * 4
    assert not DeadLetter.objects.exists()


def test_events_are_taken_in_acknowledged_and_trimmed(stream: EventStream, consumer: Consumer) -> None:
    fill(stream, 30)
    drain(consumer)
    assert_complete(30)
    stream.client.xtrim(stream.key, minid=consumer.stream.trim(), approximate=False)
    assert stream.client.xlen(stream.key) <= 1
    beat = Heartbeat.objects.get(name="consumer-1")
    assert (beat.kind, beat.details["trouble"]) == ("ingest", "")


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_between_stream_and_commit_costs_nothing(
    stream: EventStream, consumer: Consumer, route: dict[str, int], point: str
) -> None:
    """Killed with -9 at this point again and again, then run to the end: no record and no charge lost or doubled."""
    calls = [Call() for _ in range(12)]
    stream.add([line(event) for call in calls for event in call.answered(**route)])
    for _ in range(2):
        died = run_consumer(point)
        assert died.returncode == -9, died.stderr.decode()
    drain(consumer)
    assert_complete(12)
    charges = LedgerEntry.objects.filter(kind="charge")
    assert sorted(charges.values_list("idempotency_key", "amount")) == sorted(
        (f"call:{call.attempt}:account", Decimal("-0.36")) for call in calls
    )
    balance = Account.objects.get(pk=route["account_id"]).balance
    assert balance.amount == Decimal("-0.36") * 12
    assert not check_ledger()


def run_consumer(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run a consumer in a process of its own, on this test's database."""
    url = "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)
    return subprocess.run(
        [sys.executable, "-m", "tests.systemlog.killed_consumer", *arguments],
        cwd=settings.BASE_DIR, env=os.environ | {"DATABASE_URL": url}, timeout=200, capture_output=True, check=False,
    )  # fmt: skip


def test_an_event_that_kills_its_consumer_becomes_a_dead_letter_and_the_others_are_taken(stream: EventStream) -> None:
    fill(stream, 2)
    poison = Call(source="203.0.113.66").attempt_event()
    stream.add([line(poison)])
    deaths = 0
    while run_consumer("of poison").returncode == -9:
        deaths += 1
        assert deaths < 8
    assert deaths >= 2
    assert DeadLetter.objects.get().event_id == f"sw1:{poison['attempt']}:attempt:0"
    assert CDR.objects.filter(reason="completed").count() == 2


def test_a_dead_consumers_entries_are_taken_over(
    stream: EventStream, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(stream, 5)
    stream.ensure_group()
    assert len(EventStream("dead").read_new(100, 10)) == 25
    monkeypatch.setattr(consumer_module, "ABANDONED_MS", 50)
    time.sleep(0.06)
    drain(consumer)
    assert_complete(5)


def test_an_emptied_server_stops_nobody(stream: EventStream, consumer: Consumer) -> None:
    fill(stream, 3)
    drain(consumer)
    stream.client.flushdb()
    consumer.step()
    fill(stream, 4)
    drain(consumer)
    assert_complete(7)


def test_what_is_not_taken_in_is_not_trimmed(stream: EventStream, consumer: Consumer) -> None:
    fill(stream, 200)
    stream.ensure_group()
    held = EventStream("slow").read_new(500, 10)
    EventStream("fast").read_new(400, 10)
    stream.acknowledge([entry.id for entry in held[100:]])
    keep = stream.trim()
    assert keep == held[0].id
    assert stream.client.xlen(stream.key) == 1000


def test_a_killed_server_is_waited_for(tmp_path: Path) -> None:
    """The running consumer sees its Valkey die (-9), come back empty-handed and go on, without being touched."""
    server = OwnValkey(tmp_path)
    server.start()
    stream = EventStream("tester", connect(server.url))
    stop = threading.Event()
    consumer = Consumer("consumer-1", stop, EventStream("consumer-1", connect(server.url)))

    def run() -> None:
        consumer.run()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        fill(stream, 3)
        wait_for(lambda: CDR.objects.filter(reason="completed").count() == 3)
        server.kill()
        wait_for(lambda: consumer.figures.trouble == "stream away")
        assert Heartbeat.objects.get(name="consumer-1").details["trouble"] in {"", "stream away"}
        server.start()
        fill(stream, 4)
        wait_for(lambda: CDR.objects.filter(reason="completed").count() == 7)
    finally:
        stop.set()
        thread.join(20)
        server.kill()
    assert_complete(7)


def test_a_database_that_is_away_is_waited_for(
    stream: EventStream, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is acknowledged, nothing is lost, no event becomes a dead letter."""
    fill(stream, 2)
    working: Callable[..., Any] = intake.dispatch

    def away(events: list[Event]) -> None:
        raise OperationalError("the database system is shutting down")

    monkeypatch.setattr(intake, "dispatch", away)
    for _ in range(7):
        with pytest.raises(OperationalError):
            consumer.step()
        consumer.stop.wait = lambda seconds: True  # type: ignore[method-assign]
        consumer.wait_out("database away", OperationalError("away"))
    assert stream.lag()["pending"] == 10
    monkeypatch.setattr(intake, "dispatch", working)
    drain(consumer)
    assert_complete(2)


def test_the_fifth_failure_makes_a_dead_letter(
    stream: EventStream, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "RETRY_DELAYS", (0, 0, 0, 0))
    good, bad = Call(), Call()
    working: Callable[..., Any] = intake.dispatch

    def picky(events: list[Event]) -> None:
        if any(str(event.attempt) == bad.attempt for event in events):
            raise ValueError("a bug of ours")
        working(events)

    monkeypatch.setattr(intake, "dispatch", picky)
    stream.add([line(event) for event in good.answered()] + [line(bad.attempt_event())])
    for _ in range(3):
        consumer.step()
    assert not DeadLetter.objects.exists()
    assert CDR.objects.get().attempt_id.hex == good.attempt.replace("-", "")
    drain(consumer)
    letter = DeadLetter.objects.get()
    assert (letter.failures, letter.error) == (5, "ValueError: a bug of ours")
    assert letter.event_id == f"sw1:{bad.attempt}:attempt:0"


def test_what_is_no_event_is_a_dead_letter_at_once(stream: EventStream, consumer: Consumer) -> None:
    stream.add(["not json", "not json", line(Call().attempt_event() | {"v": 9})])
    stream.client.xadd(stream.key, {"other": "field"})
    drain(consumer)
    assert DeadLetter.objects.count() == 2
    assert set(DeadLetter.objects.values_list("body", flat=True)) >= {"not json"}


def test_a_thread_that_dies_takes_its_process_with_it() -> None:
    code = (
        "import django; django.setup()\n"
        "from systemlog.threads import Watched\n"
        "Watched('t', lambda stop: 1 / 0).start()\n"
        "import time; time.sleep(30)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, timeout=60, capture_output=True, check=False
    )
    assert ended.returncode == 70
    assert b"ZeroDivisionError" in ended.stderr
