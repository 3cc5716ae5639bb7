"""What the stream did not bring is taken in from the switch's local record, once."""

import datetime as dt
import os
import time
from pathlib import Path
from typing import Any

import pytest

from cdr.models import CDR
from systemlog import reconcile
from systemlog.consumer import Consumer
from systemlog.events import event_of
from systemlog.intake import take_in
from systemlog.models import DeadLetter, LogEntry, ReadPosition
from systemlog.reconcile import delete_reconciled, reconcile_folder
from systemlog.stream import EventStream
from tests.calls import Call, line

pytestmark = pytest.mark.django_db


def write(path: Path, events: list[dict[str, Any]], torn: str = "") -> None:
    """Append lines as db_flatstore does: seven fields, then the object."""
    with path.open("a") as file:
        for event in events:
            file.write(f'INVITE|1-11|tag|call|{{"v": 1}}|200|event|1795418480|{line(event)}\n')
        file.write(torn)


def pass_over(folder: Path, **settled: float) -> bool:
    return reconcile_folder(folder, until=time.monotonic() + 30, settled=dt.timedelta(**settled))


def test_lines_the_stream_did_not_bring_are_taken_in(tmp_path: Path) -> None:
    seen, missed = Call(), Call()
    take_in([event_of(event) for event in seen.answered()])
    write(tmp_path / "events_1.log", seen.answered() + missed.answered()[:2])
    write(tmp_path / "events_2.log", missed.answered()[2:])
    for _ in range(2):
        assert pass_over(tmp_path) is False
    assert CDR.objects.filter(reason="completed").count() == 2
    assert LogEntry.objects.count() == 8


def test_a_crash_between_commit_and_position_doubles_nothing(tmp_path: Path) -> None:
    write(tmp_path / "events_1.log", Call().answered())
    pass_over(tmp_path)
    ReadPosition.objects.all().delete()
    pass_over(tmp_path)
    assert (CDR.objects.count(), LogEntry.objects.count()) == (1, 4)


def test_young_lines_are_left_to_the_stream(tmp_path: Path) -> None:
    old, young = Call(), Call(started=time.time())
    write(tmp_path / "events_1.log", [old.attempt_event(), young.attempt_event()])
    pass_over(tmp_path, seconds=5)
    assert str(CDR.objects.get().attempt_id) == old.attempt
    pass_over(tmp_path)
    assert CDR.objects.count() == 2


def test_a_record_nobody_writes_to_is_read_whatever_its_clock_said(tmp_path: Path) -> None:
    path = tmp_path / "events_1.log"
    write(path, Call(started=time.time() + 86_400).answered())
    os.utime(path, (time.time() - 60, time.time() - 60))
    pass_over(tmp_path, seconds=5)
    assert CDR.objects.get().reason == "completed"


def test_a_rotation_loses_and_repeats_nothing(tmp_path: Path) -> None:
    path = tmp_path / "events_1.log"
    first, second, third = Call(), Call(), Call()
    write(path, first.answered())
    pass_over(tmp_path)
    write(path, second.answered())
    rotated = path.rename(tmp_path / "rotated-1-events_1.log")
    write(rotated, second.answered()[:1])
    write(path, third.answered())
    pass_over(tmp_path)
    assert CDR.objects.filter(reason="completed").count() == 3
    os.utime(rotated, (1, 1))
    delete_reconciled(tmp_path, dt.timedelta(days=7))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["events_1.log"]
    assert ReadPosition.objects.count() == 1


def test_an_unreconciled_file_is_never_deleted(tmp_path: Path) -> None:
    rotated = tmp_path / "rotated-1-events_1.log"
    write(rotated, Call().answered())
    os.utime(rotated, (1, 1))
    delete_reconciled(tmp_path, dt.timedelta(days=7))
    assert rotated.exists()


def test_a_torn_line_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "events_1.log"
    before, after = Call(), Call()
    write(path, before.answered(), torn='INVITE|1|{"v": 1, "swi')
    pass_over(tmp_path)
    assert CDR.objects.count() == 1
    write(path, after.answered())
    pass_over(tmp_path)
    assert CDR.objects.filter(reason="completed").count() == 2


def test_a_line_that_breaks_the_contract_becomes_a_dead_letter_once(tmp_path: Path) -> None:
    good = Call()
    write(tmp_path / "events_1.log", [Call().attempt_event() | {"at": "never"}, *good.answered()])
    pass_over(tmp_path)
    ReadPosition.objects.all().delete()
    pass_over(tmp_path)
    assert DeadLetter.objects.count() == 1
    assert CDR.objects.get().reason == "completed"


def test_an_event_that_cannot_be_taken_in_does_not_hold_up_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from systemlog import intake

    bad, good = Call(), Call()
    working = intake.dispatch

    def picky(events: list[Any]) -> None:
        if any(str(event.attempt) == bad.attempt for event in events):
            raise ValueError("a bug of ours")
        working(events)

    monkeypatch.setattr(intake, "dispatch", picky)
    write(tmp_path / "events_1.log", [bad.attempt_event(), *good.answered()])
    pass_over(tmp_path)
    letter = DeadLetter.objects.get()
    assert letter.failures == 5
    assert letter.body == line(bad.attempt_event())
    assert CDR.objects.get().reason == "completed"


@pytest.mark.django_db(transaction=True)
def test_an_emptied_stream_is_made_good_from_the_record(
    stream: EventStream, consumer: Consumer, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events that Redis lost before anybody read them reach the database through the running consumer."""
    settings.SWITCH_RECORD_DIR = tmp_path
    monkeypatch.setattr(reconcile, "SETTLED", dt.timedelta(0))
    calls = [Call() for _ in range(10)]
    events = [event for call in calls for event in call.answered()]
    write(tmp_path / "events_1.log", events)
    stream.add([line(event) for event in events])
    stream.client.flushdb()
    for _ in range(3):
        consumer.step()
    assert CDR.objects.filter(reason="completed").count() == 10
