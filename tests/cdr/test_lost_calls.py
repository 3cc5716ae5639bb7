"""Calls whose end never comes are closed, but not while anything shows that they live."""

import datetime as dt
import time
import uuid

import pytest
from django.utils import timezone

from cdr.lost_calls import close_lost
from cdr.models import CDR
from cdr.tables import outcome_pill
from systemlog.events import event_of
from systemlog.intake import take_in
from systemlog.models import LogEntry, Switch
from tests.calls import Call

pytestmark = pytest.mark.django_db


def known(call: Call, *kinds: str) -> None:
    made = {"attempt": call.attempt_event, "decision": call.decision, "ringing": call.ringing, "answer": call.answer}
    take_in([event_of(made[kind]()) for kind in kinds])


def ago(**past: float) -> float:
    return time.time() - dt.timedelta(**past).total_seconds()


def test_an_unanswered_call_is_given_up_after_the_switchs_timers() -> None:
    known(Call(started=ago(seconds=90)), "attempt", "decision", "ringing")
    known(Call(started=ago(minutes=10)), "attempt", "decision", "ringing")
    close_lost(timezone.now())
    assert list(CDR.objects.order_by("started_at").values_list("reason", flat=True)) == ["switch_lost", ""]
    closed = CDR.objects.get(reason="switch_lost")
    assert closed.ended_at == closed.rang_at
    assert LogEntry.objects.filter(attempt_id=closed.attempt_id, reason="switch_lost", severity="error").count() == 1


def test_an_answered_call_lives_as_long_as_it_may() -> None:
    known(Call(started=ago(hours=3)), "attempt", "decision", "ringing", "answer")
    long_gone = Call(started=ago(hours=5))
    known(long_gone, "attempt", "decision", "ringing", "answer")
    close_lost(timezone.now())
    closed = CDR.objects.get(reason="switch_lost")
    assert str(closed.attempt_id) == long_gone.attempt
    assert closed.ended_at == closed.answered_at
    # It was answered, but nobody told of its end: its pill is not that of a call which went well.
    assert closed.outcome == "answered" and "status-red" in outcome_pill(closed)


def test_a_restart_ends_what_rang_and_what_the_switch_did_not_keep() -> None:
    ringing, talking, gone = (Call(started=ago(seconds=100)) for _ in range(3))
    known(ringing, "attempt", "decision", "ringing")
    for call in (talking, gone):
        known(call, "attempt", "decision", "answer")
    Switch.objects.create(name="sw1", started_at=timezone.now() - dt.timedelta(seconds=40))
    take_in([event_of(talking.event("alive", 70))])
    close_lost(timezone.now())
    open_calls = [str(pk) for pk in CDR.objects.filter(ended_at__isnull=True).values_list("attempt_id", flat=True)]
    assert open_calls == [talking.attempt]


def test_a_call_that_was_kept_after_all_is_opened_again() -> None:
    """The local record may bring the news later than the start itself."""
    call = Call(started=ago(seconds=100))
    known(call, "attempt", "decision", "answer")
    Switch.objects.create(name="sw1", started_at=timezone.now() - dt.timedelta(seconds=40))
    close_lost(timezone.now())
    assert CDR.objects.get().reason == "switch_lost"
    take_in([event_of(call.event("alive", 70))])
    close_lost(timezone.now())
    assert CDR.objects.get().ended_at is None


def test_a_call_after_the_restart_is_left_alone() -> None:
    call = Call(started=ago(seconds=35))
    known(call, "attempt", "decision", "ringing")
    Switch.objects.create(name="sw1", started_at=timezone.now() - dt.timedelta(seconds=50))
    close_lost(timezone.now())
    assert CDR.objects.get().ended_at is None


def test_an_end_that_comes_after_all_replaces_the_conclusion() -> None:
    call = Call(started=ago(hours=5))
    known(call, "attempt", "decision", "ringing", "answer")
    close_lost(timezone.now())
    take_in([event_of(call.end(after=600))])
    record = CDR.objects.get()
    assert (record.reason, record.hung_up_by) == ("completed", "caller")
    assert record.ended_at and record.answered_at
    assert (record.ended_at - record.answered_at).total_seconds() == 597
    close_lost(timezone.now())
    assert CDR.objects.get().reason == "completed"


def test_a_later_proof_of_life_opens_the_call_and_it_can_be_given_up_again() -> None:
    call = Call(started=ago(hours=5))
    known(call, "attempt", "decision", "ringing")
    close_lost(timezone.now())
    assert CDR.objects.get().reason == "switch_lost"
    known(call, "answer")
    assert CDR.objects.get(attempt_id=uuid.UUID(call.attempt)).ended_at is None
    close_lost(timezone.now())
    record = CDR.objects.get()
    assert (record.reason, record.ended_at) == ("switch_lost", record.answered_at)
