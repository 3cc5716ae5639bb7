"""What the switch lets strangers do and know: as little as possible, and never at a provider's cost."""

import itertools
import json
import socket
import time
from collections.abc import Callable

import pytest

from cdr.models import CDR
from routing.decider.netstring import encode
from systemlog.models import LogEntry
from tests.stack import PATIENCE, Stack, eventually
from tests.switch import network as net
from tests.switch.conftest import PhoneMaker, Story
from tests.switch.network import Network
from tests.switch.phone import Message
from tests.switch.raw import Raw
from tests.switch.sipp import Carrier, hang_up, talking

CarrierAt = Callable[..., Carrier]
Logged = Callable[..., LogEntry]
Server = tuple[str, int]
URI = "sip:442079460018@127.0.0.1"


_strangers = itertools.count(1)


@pytest.fixture
def scanner() -> Raw:
    """A stranger at an address of this test's own, so that one test's flood blocks no other's questions."""
    return Raw((f"127.13.1.{next(_strangers)}", 0))


@pytest.mark.parametrize(
    ("method", "code"),
    [("OPTIONS", 200), ("SUBSCRIBE", 403), ("MESSAGE", 403), ("PUBLISH", 403), ("NONSENSE", 403), ("BYE", 403)],
)
def test_answers_name_no_software(method: str, code: int, scanner: Raw, server: Server, network: Network) -> None:
    """Whatever is asked, the answer is short and anonymous."""
    answer = scanner.ask(scanner.request(method, URI), server)
    assert answer.code == code
    assert not any(answer.headers(name) for name in ("Server", "User-Agent", "Warning", "Allow", "Supported"))
    assert "kamailio" not in answer.text.lower()


@pytest.mark.parametrize("method", ["CANCEL", "ACK"])
def test_strays_get_no_answer(method: str, scanner: Raw, server: Server, network: Network) -> None:
    """Nothing to cancel, nothing to acknowledge: nobody to talk to."""
    scanner.send(scanner.request(method, URI), server)
    assert scanner.hears_nothing(0.5)


@pytest.mark.parametrize("uri", ["sip:", "sip:@127.0.0.1", "http://127.0.0.1/", "sip:1@", "nonsense"])
def test_an_unusable_invite_gets_a_generic_answer(uri: str, scanner: Raw, server: Server, network: Network) -> None:
    """One phrase for every fault, and no CDR: there is no call in it."""
    request = scanner.request("INVITE", uri)
    scanner.send(request, server)
    answer = scanner.hear(0.7)
    assert answer is None or answer.start == "SIP/2.0 400 Bad Request"
    usable = scanner.request("INVITE", URI)
    assert scanner.ask(usable, server).code == 403
    records = CDR.objects.filter(source=scanner.address)
    eventually(records.exists, what="the usable one has a CDR")
    assert [record.call_id for record in records] == [Message(usable).header("Call-ID")]


def test_an_invite_without_contact_is_no_call(scanner: Raw, server: Server, network: Network) -> None:
    """Nobody could ever end it (RFC 3261 §8.1.1.8)."""
    assert scanner.ask(scanner.request("INVITE", URI, without=("Contact",)), server).code == 400


def test_nobody_decides_but_the_deciders(scanner: Raw, server: Server, network: Network, stack: Stack) -> None:
    """Whoever reaches the deciders' port without their secret hears no question, and is hung up on when it lies."""
    for first in ({}, {"op": "hello", "secret": ""}, {"op": "hello", "secret": "guess"}):
        with socket.create_connection(("127.0.0.1", stack.evapi_port), timeout=PATIENCE) as listener:
            if first:
                listener.sendall(encode(json.dumps(first).encode()))
            assert scanner.ask(scanner.request("INVITE", URI), server).start == "SIP/2.0 403 Forbidden"
            listener.settimeout(PATIENCE if first else 0.3)
            try:
                assert listener.recv(65536) == b""
            except TimeoutError:
                assert not first, "a wrong secret must end the connection"


HOSTILE = {
    "not UTF-8": {"sender": '"\xc3\x28\xff" <sip:\x80\x81@x>'},
    "JSON in the agent": {"extra": 'User-Agent: "},{"op":"decision","accept":1}\\u0000\r\n'},
    "control characters": {"extra": "User-Agent: a\x01\x02\x1b[31m\tb\r\n"},
    "a NUL": {"extra": "User-Agent: a\x00b\r\n"},
    "an escaped NUL": {"sender": "<sip:%00@x>"},
    "a very long agent": {"extra": f"User-Agent: {'A' * 6000}\r\n"},
    "a record line as Call-ID": {"call_id": 'x|{"v":1}|{"v": 1, "switch": "evil"}'},
    "SQL and HTML": {"sender": '"<script>alert(1)</script>\'; DROP TABLE cdr;--" <sip:x@y>'},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers_become_a_plain_record(name: str, scanner: Raw, server: Server, network: Network) -> None:
    """Refused like any stranger, and told truthfully: one CDR, printable and bounded."""
    answer = scanner.ask(scanner.request("INVITE", URI, **HOSTILE[name]), server)
    assert answer.start == "SIP/2.0 403 Forbidden"
    records = CDR.objects.filter(source=scanner.address, ended_at__isnull=False)
    eventually(lambda: records.count() == 1, what="there is one CDR")
    record = records.get()
    assert record.reason == "source_not_listed"
    for text in (record.caller, record.called, record.call_id, record.caller_user_agent):
        assert len(text) <= 256
        assert text.isascii() and text.isprintable()


def test_a_flood_harms_only_its_own_address(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story, server: Server, logged: Logged
) -> None:
    """The flooder is ignored in silence; a provider's call goes through meanwhile; System Log says it once."""
    line = network.line()
    phone(line)
    flooder = Raw(("127.13.2.1", 0))
    call = carrier().start(talking(0.3) + hang_up(), line.number)

    def is_ignored() -> bool:
        for _ in range(600):
            flooder.send(flooder.request("OPTIONS", URI), server)
        while not flooder.hears_nothing(0.2):
            pass
        flooder.send(flooder.request("OPTIONS", URI), server)
        return flooder.hears_nothing(0.5)

    # A switch that was held up, or has just started, counts what waited for it as nobody's flood (flood.cfg).
    eventually(is_ignored, what="the flooder is ignored")
    result = call.wait()
    assert result, result.errors
    story.tells(result, "completed", 200, 16, "call")
    logged(reason="flood", source=flooder.address)
    assert LogEntry.objects.filter(reason="flood", source=flooder.address).count() == 1


def test_what_waited_for_the_switch_is_no_flood(stack: Stack, server: Server) -> None:
    """It was held up: what a carrier has sent meanwhile is read within one second, with what it sends then."""
    waiting, carrier = (Raw(("127.13.2.3", 0)) for _ in range(2))
    with stack.paused("switch"):
        for _ in range(320):
            waiting.send(waiting.request("OPTIONS", URI), server)
        time.sleep(2.5)
    for _ in range(150):
        assert carrier.ask(carrier.request("OPTIONS", URI), server).code == 200
    # How many had room in its socket is the kernel's business; with the others, more than the limit of a second.
    answers = 0
    while waiting.hear(0.2) is not None:
        answers += 1
    assert answers > 100


def test_a_blocked_provider_can_still_hang_up(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story, server: Server
) -> None:
    """Requests inside its calls are not counted and not dropped."""
    line = network.line()
    called = phone(line)
    source = "127.11.2.50"
    call = carrier(source).start(talking(1) + hang_up(), line.number)
    called.wait_for("ACK")
    flooder = Raw((source, 0))
    for _ in range(600):
        flooder.send(flooder.request("OPTIONS", URI), server)
    result = call.wait()
    assert result, result.errors
    story.tells(result, "completed", 200, 16, "call", by="caller")


def test_ipv6_providers_and_phones(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, stack: Stack, story: Story
) -> None:
    """On the wire: a carrier at ::1 is known by it, and a phone there registers and rings."""
    if "::1" not in stack.hosts:
        pytest.skip("this machine has no ::1")
    server = ("::1", stack.sip_port)
    asker = Raw(("::1", 0))
    assert asker.stun(server) == ("::1", asker.port)
    assert asker.ask(asker.request("INVITE", "sip:442079469997@[::1]"), server).code == 404
    line = network.line()
    called = phone(line, bind=("::1", 0), server=server)
    result = carrier(net.ACME).call(talking(0.2) + hang_up(), line.number)
    assert result, result.errors
    assert called.received("INVITE")
    story.tells(result, "completed", 200, 16, "call", by="caller")
