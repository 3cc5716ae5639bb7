"""Attempts are kept with the decider's and the worker's verdict; a difference is reported."""

import json
import uuid
from typing import Any

import pytest

from dids.models import DID
from routing.models import Attempt, ConfigVersion, TraceRequest
from systemlog.events import event_of
from systemlog.intake import take_in
from systemlog.models import LogEntry
from tests.calls import Call
from tests.inventory import a_user
from tests.routing.operator import a_mapped_did

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def did() -> DID:
    """The usual DID, mapped, of a carrier with credit."""
    return a_mapped_did()


def accepted(did: DID, **changed: Any) -> dict[str, Any]:
    """Return the fields of a decision event that tells the truth."""
    carrier = did.carrier
    truth = {
        "version": ConfigVersion.objects.latest("id").id,
        "facts": {"credit": {str(carrier.balance_id): True}},
        "number": did.number,
        "carrier_id": carrier.id,
        "carrier_account_id": carrier.accounts.get().id,
        "did_id": did.id,
        "alias_id": did.alias_id,
        "account_id": did.alias.account_id if did.alias else None,
    }
    return truth | changed


def take(*events: dict[str, Any]) -> None:
    outcome = take_in([event_of(json.loads(json.dumps(event))) for event in events])
    assert not outcome.failed, outcome.failed[0][1]


def differences() -> list[str]:
    return list(LogEntry.objects.filter(reason="verdict_differs").values_list("message", flat=True))


@pytest.mark.parametrize("order", ["as made", "reversed", "one by one"])
def test_an_attempt_keeps_both_verdicts_in_any_order(did: DID, order: str) -> None:
    call = Call()
    events = call.answered(**accepted(did))
    if order == "as made":
        take(*events)
    for event in reversed(events) if order != "as made" else ():
        take(event)
    attempt = Attempt.objects.get(attempt_id=call.attempt)
    assert (attempt.decided_reason, attempt.reason, attempt.differs) == ("accepted", "accepted", False)
    assert attempt.record is not None
    assert attempt.record["did"]["label"] == "+442079460018"
    assert [check["outcome"] for check in attempt.record["checks"]].count("passed") == 14
    assert attempt.config_version == attempt.record["version"]
    assert (str(attempt.source), attempt.call["ruri"]) == ("203.0.113.5", call.call["ruri"])
    assert not differences()


def test_an_attempt_is_judged_with_the_version_that_the_decider_named(did: DID) -> None:
    truth = accepted(did)
    DID.objects.filter(pk=did.pk).update(state="suspended")
    call = Call()
    take(*call.answered(**truth))
    assert Attempt.objects.get(attempt_id=call.attempt).reason == "accepted"
    later = Call()
    take(*later.answered(**accepted(did)))
    attempt = Attempt.objects.get(attempt_id=later.attempt)
    assert (attempt.decided_reason, attempt.reason, attempt.differs) == ("accepted", "did_suspended", True)


def test_a_difference_is_an_error_in_system_log(did: DID) -> None:
    call = Call()
    take(*call.refusal("did_unknown", 404, 1, **accepted(did)))
    assert Attempt.objects.get(attempt_id=call.attempt).differs
    (message,) = differences()
    assert "said did_unknown" in message
    assert "says accepted" in message


def test_a_version_that_never_was_is_a_difference(did: DID) -> None:
    call = Call()
    take(*call.answered(**accepted(did, version=2_000_000)))
    assert Attempt.objects.get(attempt_id=call.attempt).differs


def test_the_facts_of_the_moment_are_judged_not_those_of_now(did: DID) -> None:
    call = Call()
    facts = {"credit": {str(did.carrier.balance_id): False}}
    take(*call.refusal("carrier_no_credit", 403, 21, **accepted(did, facts=facts)))
    attempt = Attempt.objects.get(attempt_id=call.attempt)
    assert (attempt.reason, attempt.differs) == ("carrier_no_credit", False)


def test_limits_and_registration_are_judged_by_what_the_switch_saw(did: DID) -> None:
    DID.objects.filter(pk=did.pk).update(call_limit=2)
    full, absent = Call(), Call()
    take(*full.refusal("did_limit", 486, 17, **accepted(did, live={"carrier_account": 5, "did": 2, "account": 5})))
    take(*absent.refusal("not_registered", 487, 20, **accepted(did, live={"did": 0}, registered=0)))
    verdicts = {str(a.attempt_id): (a.reason, a.differs) for a in Attempt.objects.all()}
    assert verdicts == {full.attempt: ("did_limit", False), absent.attempt: ("not_registered", False)}


def test_a_call_that_no_decider_judged_is_judged_by_the_worker_and_differs_from_nothing(did: DID) -> None:
    call, reported = Call(), Call(source="198.51.100.9")
    take(*call.refusal("no_decision", 503, 41))
    take(reported.attempt_event())
    take(reported.end("completed"))
    verdicts = {str(a.attempt_id): (a.decided_reason, a.reason, a.differs) for a in Attempt.objects.all()}
    assert verdicts == {
        call.attempt: ("no_decision", "accepted", False),
        reported.attempt: ("", "source_not_listed", False),
    }


def test_a_hostile_call_is_kept_and_judged(did: DID) -> None:
    call = Call(source="'; DROP TABLE", ruri="sip:%00\x00\ud800@" + "x" * 500, at="never", call_id="\x00")
    take(*call.refusal("source_not_listed", 403, 21))
    attempt = Attempt.objects.get(attempt_id=call.attempt)
    assert (attempt.source, attempt.record) == (None, None)


def test_a_traced_call_fulfils_the_request_once(did: DID) -> None:
    request = TraceRequest.objects.create(kind="did", object_id=did.pk, requested_by=a_user())
    other = TraceRequest.objects.create(kind="did", object_id=did.pk + 1, requested_by=a_user())
    call = Call(started=request.requested_at.timestamp() + 1)
    take(*call.answered(**accepted(did, trace=1)))
    request.refresh_from_db()
    other.refresh_from_db()
    assert request.attempt_id == uuid.UUID(call.attempt)
    assert (request.fulfilled_at is not None, other.fulfilled_at) == (True, None)
