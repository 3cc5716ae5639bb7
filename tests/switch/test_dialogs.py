"""Inside answered calls, and around them: re-INVITE, REFER, repeated Call-IDs, forged dialogs, traces."""

import secrets
from collections.abc import Callable

from cdr.models import SipMessage
from cdr.traces import request_trace
from tests.stack import eventually
from tests.switch.conftest import PhoneMaker, Story
from tests.switch.network import Network, wait_in_force
from tests.switch.phone import Manner
from tests.switch.raw import Raw
from tests.switch.sipp import (
    Carrier,
    expect,
    expect_request,
    fragment,
    hang_up,
    hung_up_by_other,
    pause,
    refused,
    talking,
)

CarrierAt = Callable[..., Carrier]
CALL = "call"
SDP = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


def test_the_carrier_reinvites(network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story) -> None:
    """re-INVITE and UPDATE pass to the phone; the call stays one call."""
    line = network.line()
    called = phone(line)
    reinvite = [fragment("in_dialog", method="INVITE", cseq=2, extra=""), expect(100, optional=True), expect(200)]
    update = [fragment("in_dialog", method="UPDATE", cseq=3, extra=""), expect(200)]
    # Workers of a busy switch may hand on in another order what comes at once.
    steps = [*talking(0.2), *reinvite, fragment("ack", cseq=2), pause(0.3), *update, *hang_up(4)]
    result = carrier().call(steps, line.number)
    assert result, result.errors
    assert called.received_exactly("INVITE", "ACK", "INVITE", "ACK", "UPDATE", "BYE")
    story.tells(result, "completed", 200, 16, CALL, by="caller")


def test_the_phone_reinvites_and_refers(network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story) -> None:
    """The same the other way; a transfer's REFER reaches the carrier."""
    line = network.line()
    called = phone(line)
    answers = [expect_request("INVITE"), fragment("ok"), expect_request("ACK")]
    answers += [expect_request("UPDATE"), fragment("ok"), expect_request("REFER"), fragment("ok"), pause(0.3)]
    call = carrier().start([*talking(0), *answers, *hang_up()], line.number)
    called.wait_for("ACK")
    assert called.in_dialog("INVITE", SDP) == 200
    assert called.in_dialog("UPDATE") == 200
    assert called.in_dialog("REFER", extra="Refer-To: <sip:442079460001@127.0.0.1>\r\n") == 200
    result = call.wait()
    assert result, result.errors
    story.tells(result, "completed", 200, 16, CALL, by="caller")


def test_a_reinvite_grants_no_second_maximum_duration(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """The limit counts from the answer, whatever happens inside the call."""
    line = network.special["short"]
    phone(line)
    reinvite = [fragment("in_dialog", method="INVITE", cseq=2, extra=""), expect(100, optional=True), expect(200)]
    steps = [*talking(1.2), *reinvite, fragment("ack", cseq=2), *hung_up_by_other(10)]
    result = carrier().call(steps, line.number)
    assert result, result.errors
    record = story.tells(result, "max_duration", 200, 16, CALL, by="switch")
    assert (record.ended_at - record.answered_at).total_seconds() < 4


def test_a_retransmitted_invite_is_one_call(server: tuple[str, int], network: Network, story: Story) -> None:
    """At once, while nobody has decided, and after the answer: the same transaction is the same attempt."""
    caller = Raw(("127.11.1.10", 0))
    request = caller.request("INVITE", "sip:442079469996@127.0.0.1")
    caller.send(request, server)
    caller.send(request, server)
    answer = caller.hear()
    assert answer is not None and answer.code == 404
    caller.send(request, server)
    again = caller.hear()
    assert again is not None and (again.code, again.header("To")) == (404, answer.header("To"))
    record = story.of_call(answer.header("Call-ID"))
    assert record.reason == "did_unknown"


def test_a_call_id_used_twice_is_two_calls(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """One after the other, as a carrier that numbers its calls from its restart does."""
    line = network.line()
    phone(line, Manner(hang_up_after=0.1))
    call_id = f"again-{secrets.token_hex(4)}"
    for _ in range(2):
        result = carrier().call(talking(0) + hung_up_by_other(), line.number, options=("-cid_str", call_id))
        assert result, result.errors
    first, second = story.all_of_call(call_id, 2)
    assert first.attempt_id != second.attempt_id
    assert {first.reason, second.reason} == {"completed"}
    assert first.ended_at < second.started_at


def test_a_call_id_used_twice_at_once_is_two_calls(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """The second neither joins nor ends the first."""
    line = network.line()
    called = phone(line)
    call_id = f"both-{secrets.token_hex(4)}"
    long = carrier().start(talking(1.5) + hang_up(), line.number, options=("-cid_str", call_id))
    called.wait_for("ACK")
    short = carrier("127.11.2.7").call(talking(0.1) + hang_up(), line.number, options=("-cid_str", call_id))
    assert short, short.errors
    assert long.wait()
    first, second = story.all_of_call(call_id, 2)
    assert (str(first.source), str(second.source)) == ("127.11.1.10", "127.11.2.7")
    assert second.ended_at < first.ended_at


def test_a_stranger_cannot_relay_through_a_forged_dialog(server: tuple[str, int], network: Network) -> None:
    """A Route header that names the switch is no licence: without a dialog of ours nothing is sent on."""
    target = Raw(("127.12.251.2", 0))
    stranger = Raw(("127.12.251.1", 0))
    route = f"Route: <sip:{server[0]}:{server[1]};lr;ftag=1;did=1a2.b3>\r\n"
    for method in ("INVITE", "BYE", "MESSAGE", "REFER"):
        request = stranger.request(method, f"sip:x@{target.host}:{target.port}", to_tag="q", extra=route)
        assert stranger.ask(request, server).code == 481
    assert target.hears_nothing(0.5)


def test_a_provider_route_goes_no_further(
    server: tuple[str, int], network: Network, carrier: CarrierAt, phone: PhoneMaker
) -> None:
    """A Route in a first INVITE would make the phone talk to hosts of the provider's choice."""
    line = network.line()
    called = phone(line)
    call = [*talking(0.1, extra="Route: <sip:127.12.251.9:9;lr>"), *hang_up()]
    assert carrier().call(call, line.number)
    assert not called.received("INVITE")[0].headers("Route")


def test_the_next_call_is_traced_on_both_legs(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """Every message in order, CANCEL, ACK and our own answers too; the call after it is not traced."""
    line = network.line()
    called = phone(line, Manner(refuse=486))
    request_trace(actor=network.actor, kind="did", object_id=line.did.pk)
    wait_in_force()
    record = story.of(carrier().call(refused(486), line.number))
    wanted = [
        ("in", "INVITE"), ("out", "INVITE"), ("in", "180"), ("out", "180"),
        ("in", "486"), ("out", "ACK"), ("out", "486"), ("in", "ACK"),
    ]  # fmt: skip
    messages = SipMessage.objects.filter(attempt_id=record.attempt_id).order_by("sequence")
    eventually(lambda: messages.count() >= len(wanted), what="the trace is complete")
    told = [(m.direction, m.message.split()[1 if m.message.startswith("SIP/2.0") else 0]) for m in messages]
    assert sorted(told) == sorted(wanted)
    assert told[:3] == wanted[:3]
    assert messages[1].dst == f"{called.host}:{called.port}"
    assert record.traced
    later = story.of(carrier().call(refused(486), line.number))
    assert not later.traced
    assert not SipMessage.objects.filter(attempt_id=later.attempt_id).exists()


def test_a_carrier_calls_over_tcp(network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story) -> None:
    """From TCP to a phone on UDP and back, to the last BYE."""
    line = network.line()
    phone(line)
    result = carrier().call(talking(0.2) + hang_up(), line.number, options=("-t", "t1"))
    assert result, result.errors
    record = story.tells(result, "completed", 200, 16, CALL, by="caller")
    assert record.transport == "tcp"
