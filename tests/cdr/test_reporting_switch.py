"""A switch that only reports: the worker's own evaluation names the parties, and refusals are logged."""

import pytest

from cdr.models import CDR
from systemlog.events import event_of
from systemlog.intake import take_in
from systemlog.models import LogEntry
from tests.calls import Call
from tests.cdr.test_charging import route as route

pytestmark = pytest.mark.django_db


def test_its_calls_have_carrier_did_and_account(route: dict[str, int]) -> None:
    call = Call(source="203.0.113.9")
    take_in([event_of(event) for event in (call.attempt_event(), call.ringing(), call.answer(), call.end())])
    record = CDR.objects.get()
    assert (record.carrier_label, record.did_label, record.alias_label) == ("Acme", "+442079460018", "desk-101")
    assert (record.number, record.account_id, record.reason) == ("442079460018", route["account_id"], "completed")


def test_its_refusals_are_logged_once(route: dict[str, int]) -> None:
    call = Call(source="203.0.113.70")
    attempt, _, end = call.refusal("source_not_listed", 403, 21)
    take_in([event_of(attempt)])
    take_in([event_of(end)])
    entry = LogEntry.objects.get(category="call reject")
    assert entry.reason == "source_not_listed"


def test_a_decision_that_comes_later_is_what_counts(route: dict[str, int]) -> None:
    call = Call(source="203.0.113.9")
    take_in([event_of(call.attempt_event())])
    assert CDR.objects.get().carrier_label == "Acme"
    take_in([event_of(call.decision("source_not_listed", version=route["version"], number=""))])
    record = CDR.objects.get()
    assert record.reason == ""
    assert record.did_id is None or record.did_label


@pytest.mark.parametrize(
    "record", [{}, {"carrier": [1, "Acme"]}, {"carrier": "Acme"}, {"checks": 7}, {"checks": ["x"]}, []]
)
def test_a_verdict_of_another_form_costs_no_call_its_cdr(
    route: dict[str, int], monkeypatch: pytest.MonkeyPatch, record: object
) -> None:
    from cdr import handlers

    call = Call(source="203.0.113.70")
    told = {"reason": "source_not_listed", **record} if isinstance(record, dict) else {}
    monkeypatch.setattr(handlers, "verdicts_on", lambda events: {event.attempt: told for event in events})
    outcome = take_in([event_of(event) for event in call.refusal("source_not_listed", 403, 21)])
    assert outcome.failed == []
    assert CDR.objects.get().reason == "source_not_listed"
