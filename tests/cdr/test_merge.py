"""A call's events give the same CDR in any order and however often they come."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.lost_calls import lost_event
from cdr.merge import merge
from cdr.models import CDR
from systemlog.events import Event, InvalidEvent, event_of
from tests.calls import START, Call


def fresh(call: Call) -> CDR:
    event = event_of(call.attempt_event())
    return CDR(attempt_id=event.attempt, started_at=event.started)


def columns(record: CDR) -> dict[str, Any]:
    return {field.attname: getattr(record, field.attname) for field in CDR._meta.concrete_fields}


def events_of(call: Call, kind: str) -> list[Event]:
    told = {
        "answered": call.answered(alias="u1001", alias_id=4, carrier_id=1, did_id=2, account_id=3, max_seconds=14400),
        "refused": call.refusal("did_unknown", 404, 1, carrier_id=1),
        "no answer": [
            call.attempt_event(),
            call.decision(alias="u1001"),
            call.ringing(),
            call.end("no_answer", 66, sip=408, q850=19, by="switch", answered=None, phone_code=0),
        ],
        "told twice": [*call.answered(), call.end("peer_vanished", 50, seq=1, by="switch")],
    }
    return [event_of(event) for event in told[kind]]


@given(st.sampled_from(["answered", "refused", "no answer", "told twice"]), st.randoms(), st.integers(0, 3))
def test_any_order_and_repeats_give_one_record(kind: str, shuffle: random.Random, repeats: int) -> None:
    call = Call(started=START)
    events = events_of(call, kind)
    expected = columns(merge(fresh(call), events))
    told = events + [shuffle.choice(events) for _ in range(repeats)]
    shuffle.shuffle(told)
    at_once = merge(fresh(call), told)
    one_by_one = fresh(call)
    for event in told:
        merge(one_by_one, [event])
    assert columns(at_once) == columns(one_by_one) == expected


def test_an_answered_call_has_all_its_times() -> None:
    call = Call(started=START)
    record = merge(fresh(call), events_of(call, "answered"))
    seconds = [(at - record.started_at).total_seconds() for at in (record.rang_at, record.answered_at, record.ended_at)]
    assert seconds == [0.2, 3.0, 38.5]
    assert (record.reason, record.sip_code, record.q850_cause, record.hung_up_by) == ("completed", 200, 16, "caller")
    assert record.contact == "sip:u1001@10.0.0.7:5060"
    assert record.number == "442079460018"


@given(st.permutations(range(5)))
def test_an_end_that_was_concluded_gives_way_to_one_that_was_told(order: list[int]) -> None:
    call = Call(started=START)
    events = events_of(call, "answered")
    concluded = lost_event(merge(fresh(call), events[:4]))
    told = [events[1], events[2], events[3], events[4], concluded]
    record = fresh(call)
    for index in order:
        merge(record, [told[index]])
    assert record.reason == "completed"
    assert record.ended_at == events[4].at


def test_a_concluded_end_stands_only_until_a_later_proof_of_life() -> None:
    call = Call(started=START)
    attempt, decision, ringing, answer, _ = events_of(call, "answered")
    record = merge(fresh(call), [attempt, decision, ringing])
    merge(record, [lost_event(record)])
    assert (record.reason, record.ended_at) == ("switch_lost", ringing.at)
    merge(record, [answer])
    assert (record.reason, record.ended_at, record.sip_code) == ("", None, None)


@pytest.mark.parametrize("value", [None, "", -1, 99_999, "x", [], {}, True, 1e9])
def test_a_field_of_another_type_leaves_its_column_empty(value: object) -> None:
    call = Call(started=START)
    end = call.end(sip=value, q850=value, phone_code=value, phone_user_agent=value, by=value)
    record = merge(fresh(call), [event_of(end)])
    assert record.sip_code in (None, 1)
    assert record.ended_at is not None


def test_nobody_tells_the_end_of_another_switchs_call() -> None:
    """A switch that learned an attempt's name can neither end nor price it."""
    call = Call(started=START)
    record = merge(fresh(call), [event_of(call.attempt_event())])
    stranger = event_of({**call.end("completed", 5), "switch": "another"})
    with pytest.raises(InvalidEvent, match="another"):
        merge(record, [stranger])
    assert record.ended_at is None
