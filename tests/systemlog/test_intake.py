"""A batch is taken in whole, each event once, and a bad one does not hold up the others."""

import threading

import pytest
from django.db import OperationalError, connection

from cdr.models import CDR
from systemlog import handlers
from systemlog.events import Event, event_of
from systemlog.intake import bury, take_in
from systemlog.models import DeadLetter, LogEntry, SeenEvent
from tests.calls import Call

pytestmark = pytest.mark.django_db


@pytest.fixture
def bad_attempts(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Attempts whose events a handler fails on."""
    bad: set[str] = set()

    def fail(events: list[Event]) -> None:
        for event in events:
            if str(event.attempt) in bad:
                raise ValueError(f"cannot take {event.id}")

    registered = [*handlers._registered, handlers._Registered(500, frozenset({"attempt", "decision", "end"}), fail)]
    monkeypatch.setattr(handlers, "_registered", registered)
    return bad


def test_a_batch_becomes_records_and_entries() -> None:
    answered, refused = Call(), Call()
    events = [event_of(e) for e in answered.answered(alias="u1001") + refused.refusal("source_not_listed", 403, 21)]
    outcome = take_in(events)
    assert (len(outcome.taken), outcome.repeated, outcome.failed) == (8, 0, [])
    assert set(CDR.objects.values_list("reason", "sip_code")) == {("completed", 200), ("source_not_listed", 403)}
    assert LogEntry.objects.filter(category="call reject", reason="source_not_listed").count() == 1
    assert LogEntry.objects.filter(attempt_id=answered.attempt).count() == 4


def test_repeats_are_dropped_within_and_across_batches() -> None:
    events = [event_of(e) for e in Call().answered()]
    assert len(take_in(events + events).taken) == 5
    again = take_in(events)
    assert (len(again.taken), again.repeated) == (0, 5)
    assert CDR.objects.count() == 1
    assert LogEntry.objects.count() == 4


def test_a_bad_event_stands_alone(bad_attempts: set[str]) -> None:
    calls = [Call() for _ in range(20)]
    bad_attempts.add(calls[7].attempt)
    outcome = take_in([event_of(event) for call in calls for event in call.refusal("did_unknown", 404, 1)])
    assert {str(event.attempt) for event, _ in outcome.failed} == {calls[7].attempt}
    assert len(outcome.failed) == 3
    assert CDR.objects.count() == 19
    assert not SeenEvent.objects.filter(event_id__contains=calls[7].attempt).exists()


def test_a_database_that_is_away_is_no_events_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(events: list[Event]) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    registered = [*handlers._registered, handlers._Registered(500, frozenset({"attempt"}), away)]
    monkeypatch.setattr(handlers, "_registered", registered)
    with pytest.raises(OperationalError):
        take_in([event_of(Call().attempt_event())])
    assert not SeenEvent.objects.exists()
    assert not CDR.objects.exists()


def test_a_dead_letter_is_made_once() -> None:
    for _ in range(2):
        bury(body='{"a":"\x00"}', error="ValueError: \x00", event_id="sw1:x:end:0", failures=5)
    letter = DeadLetter.objects.get()
    assert letter.body == '{"a":"\ufffd"}'
    assert letter.failures == 5


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_the_same_events_write_them_once() -> None:
    """Batches of the same calls in opposite order, at the same time, neither deadlock nor double."""
    calls = [Call() for _ in range(60)]
    events = [event_of(event) for call in calls for event in call.answered()]
    halves = [events, events[::-1], events[1::2] + events[::2]]
    errors: list[Exception] = []

    def work(mine: list[Event]) -> None:
        try:
            for start in range(0, len(mine), 50):
                take_in(mine[start : start + 50])
        except Exception as error:  # noqa: BLE001 - a thread's failure must fail the test
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(half,)) for half in halves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert CDR.objects.filter(reason="completed", rang_at__isnull=False, answered_at__isnull=False).count() == 60
    assert LogEntry.objects.count() == 240
