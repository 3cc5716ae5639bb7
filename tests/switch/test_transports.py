"""SIP over TCP, TLS and IPv6: phones, carriers, and calls that change transport or family on their way."""

import threading
import time
from collections.abc import Callable
from functools import partial

import pytest
from pytest_django import Settings

from accounts.models import Registration
from switch import tls
from systemlog.models import LogEntry
from systemlog.switches import certificate
from tests.stack import Stack, eventually
from tests.switch.conftest import PhoneMaker, Story
from tests.switch.network import ACME, ACME_IPV6, Network, alias_of
from tests.switch.phone import Manner, Message
from tests.switch.raw import Raw
from tests.switch.sipp import Carrier, expect, fragment, hang_up, pause, refused, talking

CarrierAt = Callable[..., Carrier]
Logged = Callable[..., LogEntry]
Trunk = Callable[..., tuple[Raw, tuple[str, int]]]
CALL = "call"
STREAMS = ("tcp", "tls")
SDP = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


def hosted(server: tuple[str, int]) -> str:
    return f"[{server[0]}]" if ":" in server[0] else server[0]


def is_put_out(caller: Raw) -> bool:
    """Read whatever has come, and tell whether the switch has closed the connection behind it."""
    while not caller.hears_nothing(0.05):
        pass
    return bool(caller.socket.closed_at)


@pytest.fixture
def trunk(stack: Stack) -> Trunk:
    """A carrier at a listed address, IPv4 or IPv6, on any transport, and where it sends to."""

    def make(transport: str, address: str = ACME) -> tuple[Raw, tuple[str, int]]:
        host = "::1" if ":" in address else stack.sip_host
        server = (host, stack.tls_port if transport == "tls" else stack.sip_port)
        return Raw((address, 0), transport, server), server

    return make


@pytest.mark.parametrize("transport", STREAMS)
def test_a_phone_behind_nat_is_called_over_its_own_connection(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story, transport: str
) -> None:
    """Its Contact is a private address nobody can connect to; INVITE, ACK and re-INVITE come where it registered."""
    line = network.line()
    called = phone(line, transport=transport, contact=f"sip:{line.user}@10.99.0.7:5060;transport={transport}")
    reinvite = [fragment("in_dialog", method="INVITE", cseq=2, extra=""), expect(100, optional=True), expect(200)]
    result = carrier().call([*talking(0.1), *reinvite, fragment("ack", cseq=2), pause(0.3), *hang_up(3)], line.number)
    assert result, result.errors
    assert called.received_exactly("INVITE", "ACK", "INVITE", "ACK", "BYE")
    story.tells(result, "completed", 200, 16, CALL, by="caller")
    shown = Registration.objects.get(alias=alias_of(line))
    assert (shown.transport, shown.received) == (transport, f"{called.host}:{called.port}")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (("udp", ACME), ("udp", "::1")),
        (("udp", ACME_IPV6), ("udp", "")),
        (("tcp", ACME), ("tls", "::1")),
        (("tls", ACME_IPV6), ("tcp", "")),
        (("tls", ACME), ("udp", "")),
        (("tcp", ACME_IPV6), ("tcp", "::1")),
    ],
    ids=lambda side: f"{side[0]}-{'v6' if ':' in side[1] else 'v4'}",
)
@pytest.mark.parametrize("ended_by", ["caller", "callee"])
def test_a_call_changes_transport_and_family(
    stack: Stack,
    network: Network,
    trunk: Trunk,
    phone: PhoneMaker,
    story: Story,
    theirs: tuple[str, str],
    ours: tuple[str, str],
    ended_by: str,
) -> None:
    """INVITE, ACK, re-INVITE from both sides and BYE reach the other side, over its transport and its family."""
    if "::1" not in stack.hosts and ":" in theirs[1] + ours[1]:
        pytest.skip("this machine has no ::1")
    line = network.line()
    called = phone(line, transport=ours[0], **({"bind": (ours[1], 0)} if ours[1] else {}))
    calling, server = trunk(*theirs)
    answer = calling.ask(calling.request("INVITE", f"sip:{line.number}@{hosted(server)}"), server)
    assert answer.code == 200, answer.text
    # Two Record-Routes, one for each side (RFC 5658 §4), where transport or family change.
    routes = answer.header("Record-Route").split(",") + answer.headers("Record-Route")[1:]
    assert len(routes) == (1 if theirs[0] == ours[0] and ":" in theirs[1] and ours[1] else 2)
    calling.send(calling.within(answer, "ACK", 1), server)
    called.wait_for("ACK")
    assert calling.ask(calling.within(answer, "INVITE", 2), server).code == 200
    calling.send(calling.within(answer, "ACK", 2), server)
    called.wait_for("ACK", 2)

    serving = threading.Thread(target=calling.serve, args=(["INVITE", "ACK"], server))
    serving.start()
    assert called.in_dialog("INVITE", SDP) == 200
    serving.join()
    if ended_by == "caller":
        assert calling.ask(calling.within(answer, "BYE", 3), server).code == 200
    else:
        serving = threading.Thread(target=calling.serve, args=(["BYE"], server))
        serving.start()
        assert called.in_dialog("BYE") == 200
        serving.join()
    record = story.of_call(answer.header("Call-ID"))
    assert (record.reason, record.hung_up_by, record.transport) == ("completed", ended_by, theirs[0])
    assert str(record.source) == theirs[1]
    shown = Registration.objects.get(alias=alias_of(line))
    assert (shown.transport, shown.received) == (ours[0], f"{called.host}:{called.port}")


def test_a_sips_uri_is_a_number_like_any_other(network: Network, trunk: Trunk, phone: PhoneMaker) -> None:
    """The caller's hop is TLS; the phone's hop is what the phone registered with."""
    line = network.line()
    called = phone(line, transport="tls", contact=f"sips:{line.user}@10.99.0.8:5061")
    calling, server = trunk("tls")
    answer = calling.ask(calling.request("INVITE", f"sips:{line.number}@{server[0]}", user=line.number), server)
    assert answer.code == 200, answer.text
    calling.send(calling.within(answer, "ACK", 1), server)
    called.wait_for("ACK")
    assert calling.ask(calling.within(answer, "BYE", 2), server).code == 200


def test_a_phone_whose_connection_is_gone_is_not_registered(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story, logged: Logged
) -> None:
    """It ends with the connection, not after a timeout, and the portal sees that."""
    line = network.line()
    called = phone(line, transport="tls")
    eventually(lambda: Registration.objects.filter(alias=alias_of(line), ended_at=None).exists(), what="registered")
    called.manner = Manner(silent=True)
    called.socket.break_off()
    logged(category="registration", reason="expired", message__contains=line.user)
    result = carrier().call(refused(487), line.number)
    assert result, result.errors
    story.tells(result, "not_registered", 487, 20, CALL)


def test_a_phone_whose_connection_breaks_in_a_call(
    network: Network, trunk: Trunk, phone: PhoneMaker, story: Story
) -> None:
    """The carrier's BYE ends the call and is answered with 200, although nobody is there to hear of it."""
    line = network.line()
    called = phone(line, transport="tcp")
    calling, server = trunk("udp")
    answer = calling.ask(calling.request("INVITE", f"sip:{line.number}@{server[0]}"), server)
    calling.send(calling.within(answer, "ACK", 1), server)
    called.wait_for("ACK")
    called.manner = Manner(silent=True)
    called.socket.break_off()
    time.sleep(0.3)
    assert calling.ask(calling.within(answer, "BYE", 2), server).code == 200
    record = story.of_call(answer.header("Call-ID"))
    assert (record.reason, record.hung_up_by) == ("completed", "caller")


@pytest.mark.parametrize(("theirs", "ours"), [("tcp", "tls"), ("udp", "udp")])
def test_the_switch_ends_a_call_at_both_ends(
    network: Network, trunk: Trunk, phone: PhoneMaker, story: Story, theirs: str, ours: str
) -> None:
    """Its own BYEs, too, go over the connections that are there, not to Contacts nobody can reach."""
    line = network.special["short"]
    called = phone(line, transport=ours, contact=f"sip:{line.user}@10.99.0.9:5061;transport={ours}")
    calling, server = trunk(theirs)
    answer = calling.ask(calling.request("INVITE", f"sip:{line.number}@{server[0]}", user=line.number), server)
    calling.send(calling.within(answer, "ACK", 1), server)
    calling.serve(["BYE"], server)
    called.wait_for("BYE")
    assert story.of_call(answer.header("Call-ID")).reason == "max_duration"


def test_a_caller_that_leaves_before_the_decision(stack: Stack, network: Network, trunk: Trunk, story: Story) -> None:
    """Its connection is gone when the answer comes: the attempt has its one end all the same, and nothing hangs."""
    calling, server = trunk("tcp")
    request = calling.request("INVITE", "sip:442079469994@127.0.0.1")
    with stack.paused("decider-1", "decider-2"):
        calling.send(request, server)
        time.sleep(0.2)
        calling.socket.break_off()
        assert story.of_call(Message(request).header("Call-ID")).reason == "no_decision"
    again, server = trunk("tcp")
    eventually(
        lambda: again.ask(again.request("INVITE", "sip:442079469994@127.0.0.1"), server).code == 404, what="judged"
    )


def test_a_caller_that_leaves_while_it_rings(network: Network, trunk: Trunk, phone: PhoneMaker, story: Story) -> None:
    """The answer cannot be told to anybody; the call is ended and both sides' records are closed."""
    line = network.line()
    called = phone(line, Manner(refuse=486, refuse_after=0.6))
    calling, server = trunk("tcp")
    request = calling.request("INVITE", f"sip:{line.number}@127.0.0.1")
    calling.send(request, server)
    called.wait_for("INVITE")
    calling.socket.break_off()
    call_id = called.messages[0].header("Call-ID")
    assert story.of_call(call_id).reason == "busy"


def test_a_silent_stranger_loses_the_connection(network: Network, trunk: Trunk, phone: PhoneMaker) -> None:
    """A phone that registered keeps it, and gets an answer to its CRLF (RFC 5626 §4.4.1)."""
    called = phone(network.line(), transport="tls")
    strangers = [trunk(transport, "127.12.250.1")[0] for transport in STREAMS]
    for stranger in strangers:
        eventually(partial(is_put_out, stranger), what="they are put out")
    assert called.socket.closed_at is None
    called.socket.sendto(b"\r\n\r\n", ("", 0))
    eventually(lambda: called.socket.pongs == 1, what="a pong has come")
    assert called.register() == 200


def test_a_renewed_certificate_is_taken_over(
    stack: Stack, network: Network, carrier: CarrierAt, phone: PhoneMaker, settings: Settings, logged: Logged
) -> None:
    """New connections get it without a restart; a phone that is connected stays so, and rings."""
    settings.SIP_ADDRESS, settings.SIP_TLS_PORT = stack.sip_host, stack.tls_port
    settings.SWITCH_RPC_SOCKET = stack.folder.run / "rpc.sock"
    settings.SIP_TLS_CERTIFICATE = own = stack.folder.root / "switch" / "tls" / "certificate.pem"
    line = network.line()
    phone(line, transport="tls")
    before = certificate.watch()
    assert before is not None
    assert before == certificate.look()
    assert (own.parent / "key.pem").stat().st_mode & 0o777 == 0o600

    own.unlink()
    tls.prepare(own.parent, ["renewed.example.net"])
    after = certificate.watch()
    assert after is not None and after.certificate is not None
    assert after.certificate.names == ("renewed.example.net",)
    assert after == certificate.look() != before
    assert "renewed.example.net" in logged(category="switch", reason="certificate").message
    result = carrier().call(talking(0.1) + hang_up(), line.number)
    assert result, result.errors

    # Certificate and key that do not belong together, as in the middle of a renewal: the switch keeps what it has.
    (own.parent / "key.pem").write_bytes(tls.prepare(own.parent / "other", ["other"])[1].read_bytes())
    own.write_bytes(tls.prepare(own.parent / "third", ["third"])[0].read_bytes())
    assert certificate.watch() == after
    own.unlink()
    tls.prepare(own.parent, ["127.0.0.1"])
    assert certificate.watch() != after


def test_a_flood_over_tcp_ends_the_connection(network: Network, trunk: Trunk, logged: Logged) -> None:
    """Its requests count as those over UDP do; System Log names source and transport."""
    told = LogEntry.objects.filter(reason="flood", source="127.12.250.2")

    def is_put_out_for_it() -> bool:
        flooder, server = trunk("tcp", "127.12.250.2")
        # In one piece, so that a busy machine does not spread them over seconds.
        flooder.send("".join(flooder.request("OPTIONS", "sip:127.0.0.1") for _ in range(1500)), server)
        eventually(partial(is_put_out, flooder), what="the connection is closed")
        time.sleep(0.5)
        return told.exists()

    # Where the switch has just been held up, it is closed for its silence only.
    eventually(is_put_out_for_it, what="a flood is told of")
    assert "tcp" in logged(category="switch", reason="flood", source="127.12.250.2").message
