"""Another switch attaches over HTTP: same decisions, same CDRs, same System Log as with Kamailio."""

from collections.abc import Iterator

import pytest

from cdr.models import CDR
from dids.models import DID
from routing.models import Attempt
from systemlog.authentication import new_token
from systemlog.models import LogEntry, Switch
from tests.contract.http_switch import Handled, HttpSwitch, Refused
from tests.inventory import a_carrier, a_user, an_account, an_address, an_alias, some_dids
from tests.stack import Stack, eventually

PROVIDER = "192.0.2.77"
NUMBER = "+442079460777"


@pytest.fixture
def line(stack: Stack) -> DID:
    """A mapped DID of a provider with credit, made once in the running product."""
    found = DID.objects.filter(number=NUMBER[1:]).first()
    if found:
        return found
    actor = a_user(name="contract")
    carrier = a_carrier(actor, "Contract Telecom", is_did_provider=True)
    carrier.balance.amount = 5
    carrier.balance.save()
    an_address(actor, carrier, PROVIDER)
    (did,) = some_dids(actor, carrier, NUMBER)
    did.alias, did.state = an_alias(actor, an_account(actor, "Contract", "Contract Ltd"), "contract-1"), "mapped"
    did.save()
    return did


@pytest.fixture
def other(stack: Stack) -> Iterator[HttpSwitch]:
    """A switch of its own name, with a token."""
    token, digest = new_token()
    Switch.objects.update_or_create(name="http-1", defaults={"token_digest": digest, "enabled": True})
    yield HttpSwitch(stack.web_url, token)


def record_of(handled: Handled) -> CDR:
    """Return the call's CDR once it has ended; the worker must have judged alike."""
    assert handled.status == 202
    eventually(lambda: CDR.objects.filter(attempt_id=handled.attempt, ended_at__isnull=False).exists(), what="a CDR")
    attempt = Attempt.objects.get(attempt_id=handled.attempt)
    assert (attempt.reason, attempt.differs) == (attempt.decided_reason, False)
    return CDR.objects.get(attempt_id=handled.attempt)


def test_an_answered_call(line: DID, other: HttpSwitch) -> None:
    other.registered.add("contract-1")
    record = record_of(other.invite(PROVIDER, NUMBER, talk=30))
    assert (record.switch, record.reason, record.sip_code, record.q850_cause) == ("http-1", "completed", 200, 16)
    assert (record.did_id, record.alias_label, record.carrier_label) == (line.pk, "contract-1", "Contract Telecom")
    assert record.answered_at is not None
    assert round((record.ended_at - record.answered_at).total_seconds(), 3) == 30  # type: ignore[operator]
    assert LogEntry.objects.filter(attempt_id=record.attempt_id, category="call").exists()


@pytest.mark.parametrize(
    ("source", "number", "reason", "sip", "category"),
    [
        ("198.51.100.200", NUMBER, "source_not_listed", 403, "call reject"),
        (PROVIDER, "+442079460778", "did_unknown", 404, "routing reject"),
        (PROVIDER, "sales", "prefix_not_matched", 404, "routing reject"),
        (PROVIDER, NUMBER, "not_registered", 487, "call"),
    ],
)
def test_refused_calls(
    line: DID, other: HttpSwitch, source: str, number: str, reason: str, sip: int, category: str
) -> None:
    record = record_of(other.invite(source, number))
    assert (record.reason, record.sip_code) == (reason, sip)
    assert LogEntry.objects.filter(attempt_id=record.attempt_id, category=category, reason=reason).exists()


def test_a_limit_that_the_switch_counts(line: DID, other: HttpSwitch) -> None:
    other.registered.add("contract-1")
    DID.objects.filter(pk=line.pk).update(call_limit=2)
    other.live = {f"did {line.pk}": 2}
    try:
        record = record_of(other.invite(PROVIDER, NUMBER))
    finally:
        DID.objects.filter(pk=line.pk).update(call_limit=None)
    assert (record.reason, record.sip_code, record.q850_cause) == ("did_limit", 486, 17)


def test_repeats_do_no_harm(line: DID, other: HttpSwitch) -> None:
    handled = other.invite(PROVIDER, NUMBER)
    for _ in range(2):
        other.post("/api/v1/switch/events", handled.events)
    record_of(handled)
    assert CDR.objects.filter(attempt_id=handled.attempt).count() == 1


def test_a_switch_that_only_reports_is_judged_by_the_worker(line: DID, other: HttpSwitch) -> None:
    handled = other.invite(PROVIDER, NUMBER)
    reported = Handled(handled.attempt[:-4] + "0000", handled.started)
    call = handled.events[0]["call"] | {"attempt": reported.attempt, "source": "198.51.100.200"}
    reported.add("attempt", 0, call=call)
    reported.add("end", 1, reason="completed", sip=200, q850=16, by="caller")
    assert other.post("/api/v1/switch/events", reported.events)[0] == 202
    eventually(lambda: Attempt.objects.filter(attempt_id=reported.attempt).exists(), what="the attempt")
    attempt = Attempt.objects.get(attempt_id=reported.attempt)
    assert (attempt.decided_reason, attempt.reason, attempt.differs) == ("", "source_not_listed", False)


def test_strangers_are_told_nothing(line: DID, stack: Stack) -> None:
    for token in ("", "x" * 43):
        for path in ("/api/v1/inbound/decisions", "/api/v1/switch/events"):
            with pytest.raises(Refused) as refused:
                HttpSwitch(stack.web_url, token).post(path, {"call": {}})
            assert refused.value.status == 401
            assert NUMBER[1:] not in str(refused.value.problem)
