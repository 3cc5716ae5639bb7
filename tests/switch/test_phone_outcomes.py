"""Check 15: what the phone does with a call, told apart everywhere."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from django.conf import settings
from pytest_django import DjangoDbBlocker

from tests.stack import Stack, eventually
from tests.switch.conftest import PhoneMaker, Story, network_of
from tests.switch.network import ACME, Network
from tests.switch.phone import Manner, Phone
from tests.switch.raw import Raw
from tests.switch.sipp import (
    Carrier,
    Running,
    cancelled_after,
    expect,
    expect_request,
    fragment,
    hang_up,
    hung_up_by_other,
    invite,
    pause,
    refused,
    talking,
)

CarrierAt = Callable[..., Carrier]
CALL = "call"

# name: how the phone behaves, reason, SIP, Q.850, who ended it, phrase the carrier sees
OUTCOMES = {
    "dead: no response": (Manner(silent=True), "no_response", 408, 18, "switch", "Request Timeout"),
    "rings: no answer": (Manner(answer_after=None), "no_answer", 408, 19, "switch", "Request Timeout"),
    "trying only: no answer": (Manner(ring=100, answer_after=None), "no_answer", 408, 19, "switch", "Request Timeout"),
    "busy": (Manner(refuse=486), "busy", 486, 17, "callee", "Busy Here"),
    "busy everywhere": (Manner(refuse=600), "busy", 486, 17, "callee", "Busy Here"),
    "declined": (Manner(refuse=603), "declined", 603, 21, "callee", "Decline"),
    "do not disturb": (Manner(refuse=480), "declined", 603, 21, "callee", "Decline"),
    "forbids it": (Manner(refuse=403), "declined", 603, 21, "callee", "Decline"),
    "asks for a password": (Manner(refuse=401), "phone_failed", 480, 41, "callee", "Temporarily Unavailable"),
    "speaks no codec of ours": (Manner(refuse=488), "phone_failed", 480, 41, "callee", "Temporarily Unavailable"),
    "broken": (Manner(refuse=500), "phone_failed", 480, 41, "callee", "Temporarily Unavailable"),
    "redirects": (
        Manner(refuse=302, extra="Contact: <sip:elsewhere@127.11.99.9>\r\n"), "declined", 603, 21, "callee", "Decline",
    ),
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def vanished(
    running_stack: Stack, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """A call whose phone has fallen silent, begun before all else: the switch asks after a phone every 30 s."""
    server = (running_stack.sip_host, running_stack.sip_port)
    with running_stack.as_default_database(django_db_blocker, SimpleNamespace(CACHES=settings.CACHES)):
        line = network_of(running_stack).line()
    called = Phone(server, line.user, line.secret, ("127.12.248.1", 0))
    eventually(lambda: called.register(wait=3) == 200, what="the phone is registered")
    steps = [*talking(0), expect_request("OPTIONS", 90), fragment("ok"), *hung_up_by_other(90)]
    call = Carrier(server, ACME, tmp_path_factory.mktemp("vanished")).start(
        steps, line.number, options=("-timeout", "200")
    )
    called.wait_for("ACK")
    called.manner = Manner(silent=True)
    yield call
    call.stop()
    called.close()


@pytest.mark.parametrize("name", OUTCOMES)
def test_an_outcome(name: str, network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story) -> None:
    """Reason, SIP code and Q.850 cause are kept apart; the carrier sees a generic phrase and nothing of the phone's."""
    manner, reason, sip, q850, by, phrase = OUTCOMES[name]
    line = network.line()
    called = phone(line)
    called.manner = manner
    result = carrier().call(refused(sip), line.number)
    assert result, result.errors
    record = story.tells(result, reason, sip, q850, CALL, by=by)
    assert record.phone_code in ({manner.refuse} if manner.refuse else {0, None})
    assert (record.rang_at is not None) == (not manner.silent and manner.ring == 180)
    final = result.finals[-1]
    assert final.start == f"SIP/2.0 {sip} {phrase}"
    assert final.header("Reason") == f"Q.850;cause={q850}"
    words = "\n".join(m.text for m in result.messages if m.is_reply)
    assert "own words" not in words and "Testphone" not in words and "elsewhere" not in words
    assert called.received("INVITE")


def test_the_caller_cancels(network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story) -> None:
    """487 as for an unregistered phone, told apart by the reason."""
    line = network.line()
    called = phone(line, Manner(answer_after=None))
    result = carrier().call(cancelled_after(0.3, ringing=True), line.number)
    assert result, result.errors
    story.tells(result, "cancelled", 487, 16, CALL, by="caller")
    called.wait_for("CANCEL")


def test_the_caller_cancels_on_a_dead_phone(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """Diagnosed like 408: not one packet came back."""
    line = network.line()
    called = phone(line)
    called.manner = Manner(silent=True)
    result = carrier().call(cancelled_after(0.3, ringing=False), line.number)
    assert result, result.errors
    record = story.tells(result, "cancelled_no_response", 487, 18, CALL, by="caller")
    assert record.rang_at is None


@pytest.mark.parametrize("by", ["caller", "callee"])
def test_either_side_hangs_up(by: str, network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story) -> None:
    """The CDR knows who it was, and all the call's times in order."""
    line = network.line()
    phone(line, Manner(hang_up_after=0.4 if by == "callee" else None))
    end = hang_up() if by == "caller" else hung_up_by_other()
    result = carrier().call(talking(0.3 if by == "caller" else 0) + end, line.number)
    assert result, result.errors
    record = story.tells(result, "completed", 200, 16, CALL, by=by)
    assert record.started_at < record.rang_at < record.answered_at < record.ended_at
    assert (record.number, record.alias_label) == (line.number, line.user)
    assert (record.caller_user_agent, record.phone_user_agent) == ("SIPp carrier", "Testphone 1.0")
    entries = [entry.reason for entry in story.log_of(record)]
    assert entries == ["accepted", "ringing", "answered", "completed"]


def test_the_maximum_duration_cuts_both_legs(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """The switch says goodbye to caller and phone, within about a second of the limit."""
    line = network.special["short"]
    called = phone(line)
    result = carrier().call(talking(0) + hung_up_by_other(10), line.number)
    assert result, result.errors
    called.wait_for("BYE")
    record = story.tells(result, "max_duration", 200, 16, CALL, by="switch")
    assert 1 <= (record.ended_at - record.answered_at).total_seconds() <= 4


def test_two_contacts_ring_and_one_answers(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """The other is cancelled, and there is one CDR, of the one that answered."""
    line = network.line()
    slow = phone(line, Manner(answer_after=None))
    quick = phone(line, Manner(answer_after=0.4), agent="Quick 2")
    result = carrier().call(talking(0.3) + hang_up(), line.number)
    assert result, result.errors
    slow.wait_for("CANCEL")
    quick.wait_for("BYE")
    assert not slow.received("BYE")
    record = story.tells(result, "completed", 200, 16, CALL, by="caller")
    assert record.phone_user_agent == "Quick 2"


def test_a_busy_phone_outweighs_a_dead_one(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """What a phone said counts more than the timer of a second contact that is gone."""
    line = network.line()
    phone(line, Manner(refuse=486))
    phone(line).manner = Manner(silent=True)
    result = carrier().call(refused(486), line.number)
    assert result, result.errors
    story.tells(result, "busy", 486, 17, CALL, by="callee")


def test_two_contacts_answer_at_the_same_moment(
    network: Network, server: tuple[str, int], phone: PhoneMaker, story: Story
) -> None:
    """The caller gets both answers and ends one (RFC 3261 §13.2.2.4); the call that stays is told as one."""
    line = network.line()
    phones = [phone(line, Manner(answer_after=0.2, heeds_cancel=False)) for _ in range(2)]
    answer = Raw(("127.11.2.20", 0)).call_and_end_both(line.number, server)
    for called in phones:
        called.wait_for("BYE")
    record = story.of_call(answer.header("Call-ID"))
    assert (record.reason, record.hung_up_by) == ("completed", "caller")


def test_an_answer_that_crosses_the_cancel_is_a_call(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """The phone was picked up just then: the caller gets the answer, hangs up, and the call was one."""
    line = network.line()
    phone(line, Manner(answer_after=0.8, heeds_cancel=False))
    begun = [invite(), expect(100), expect(180), pause(0.3)]
    crossing = [fragment("cancel", back=len(begun)), '<recv response="200"/>', expect(200), fragment("ack", cseq=1)]
    result = carrier().call([*begun, *crossing, *hang_up()], line.number)
    assert result, result.errors
    story.tells(result, "completed", 200, 16, CALL, by="caller")


def test_a_phone_that_vanishes_in_a_call_is_found(vanished: Running, story: Story) -> None:
    """In-dialog OPTIONS without answer: the switch ends the call on the caller's leg."""
    result = vanished.wait(200)
    assert result, result.errors
    story.tells(result, "peer_vanished", 200, 27, CALL, by="switch")
