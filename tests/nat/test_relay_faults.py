"""The audio relay frozen, killed in mid-call, out of ports, and offered what a stranger thinks up as SDP."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.nat.audio import AudioCaller, AudioPhone, audio_target, sdp_of
from tests.nat.lab import PublicNetwork
from tests.nat.relay import ask_relay, relay_sessions
from tests.nat.test_audio import both_heard
from tests.stack import Stack, eventually
from tests.switch.conftest import Story
from tests.switch.network import Network
from tests.switch.phone import Manner

PhoneMaker = Callable[..., AudioPhone]


def test_a_frozen_relay_harms_only_the_calls_that_need_it(
    network: Network, public: PublicNetwork, stack: Stack, caller: AudioCaller, audio_phone: PhoneMaker, story: Story
) -> None:
    """Refused in words, before any phone rings; calls past the relay are set up as ever; then all is well again."""
    far, near = network.line(), network.line()
    hidden, phone = audio_phone(far, public.router()), audio_phone(near, public.address())
    with stack.paused("relay"):
        assert caller.call(far.number).code == 503
        assert not hidden.received("INVITE")
        record = story.of_call(caller.call_id)
        assert (record.reason, record.q850_cause) == ("relay_unavailable", 47)
        assert ("call", "relay_unavailable") in [(entry.category, entry.reason) for entry in story.log_of(record)]
        took = []
        for _ in range(5):
            begun = time.monotonic()
            assert caller.call(near.number).code == 200
            took.append(time.monotonic() - begun)
            assert caller.ask("BYE").code == 200
            assert caller.call(far.number).code == 503
        # The phone itself takes 0.2 s to pick up. Whatever waits for the relay waits in every call.
        assert min(took) < 1.0
    eventually(lambda: caller.call(far.number).code == 200, what="the relay is used again")
    both_heard(caller, hidden)
    assert caller.ask("BYE").code == 200
    assert phone.received("INVITE")
    # The relay found the offers of the refused calls in its socket when it went on.
    eventually(lambda: not relay_sessions(stack), what="the relay has forgotten the calls refused meanwhile")


def test_a_call_whose_relay_dies_while_it_rings_is_ended_at_once(
    network: Network, public: PublicNetwork, stack: Stack, caller: AudioCaller, audio_phone: PhoneMaker, story: Story
) -> None:
    """The phone has picked up: both sides are told in a moment instead of listening to silence."""
    line = network.line()
    phone = audio_phone(line, public.router(), manner=Manner(answer_after=1.5))
    with killed_soon(stack, phone):
        assert caller.call(line.number).code == 200
        phone.wait_for("BYE")
        caller.wait_for("BYE")
    assert story.of_call(caller.call_id).reason == "relay_unavailable"
    phone.manner = Manner()
    eventually(lambda: caller.call(line.number).code == 200, what="the new relay is used")
    both_heard(caller, phone)
    assert caller.ask("BYE").code == 200


@contextmanager
def killed_soon(stack: Stack, phone: AudioPhone) -> Iterator[None]:
    """Stop the relay as soon as the phone has been rung."""
    ring = phone._ring

    def stop_and_ring(invite: object) -> None:
        ring(invite)
        stack.stop("relay")  # in an orderly way, so that the supervisor leaves it away

    phone._ring = stop_and_ring
    try:
        yield
    finally:
        phone._ring = ring
        stack.begin("relay")


def test_no_phone_rings_for_a_call_that_gets_no_port(
    network: Network, public: PublicNetwork, stack: Stack, caller: AudioCaller, audio_phone: PhoneMaker, story: Story
) -> None:
    """Every port in use: the next call is refused with the reason, and the one after a free port is set up."""
    line = network.line()
    phone = audio_phone(line, public.router())
    taken = []
    for number in range(600):
        name = f"taken-{number}"
        sides = ["a2", "a2"]
        answer = ask_relay(stack, "offer", call_id=name, from_tag="x", sdp=sdp_of(public.switch, 4000), direction=sides)
        if answer["result"] != "ok":
            break
        taken.append(name)
    try:
        assert taken
        assert answer["result"] == "error"
        assert caller.call(line.number).code == 503
        assert not phone.received("INVITE")
        assert story.of_call(caller.call_id).reason == "relay_unavailable"
    finally:
        for name in [*taken, f"taken-{len(taken)}"]:
            ask_relay(stack, "delete", call_id=name)
    eventually(lambda: caller.call(line.number).code == 200, what="a free port is used")
    assert caller.ask("BYE").code == 200


PLAIN = "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\n{rest}"
HOSTILE = {
    "no c= line": "t=0 0\r\nm=audio 4000 RTP/AVP 0\r\n",
    "no m= line": "c=IN IP4 {host}\r\nt=0 0\r\n",
    "many m= lines": "c=IN IP4 {host}\r\nt=0 0\r\n" + "m=audio 4000 RTP/AVP 0\r\n" * 120,
    "huge": "c=IN IP4 {host}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n" + f"a=x:{'y' * 900}\r\n" * 40,
    "port out of range": "c=IN IP4 {host}\r\nt=0 0\r\nm=audio 99999999999 RTP/AVP 0\r\n",
    "a name for an address": "c=IN IP4 evil.invalid\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n",
    "IPv6 in a call over IPv4": "c=IN IP6 2001:db8::1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n",
    "quotes and control characters": "c=IN IP4 {host}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    'a=x:"}}\\\x01\x7f,;d3:abc\r\n',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_sdp_harms_nobody(
    name: str, network: Network, public: PublicNetwork, stack: Stack, caller: AudioCaller,
    hostile_line: tuple[str, AudioPhone], story: Story,
) -> None:  # fmt: skip
    """Whatever it is: the call ends with one reason, the relay keeps nothing, and the next call has audio."""
    number, phone = hostile_line
    body = PLAIN.format(host=caller.host, rest=HOSTILE[name].format(host=caller.host))
    code = caller.call(number, body=body).code
    assert code in {200, 488, 503, 603}
    if code == 200:
        assert caller.ask("BYE").code == 200
    assert story.of_call(caller.call_id).reason in {"completed", "declined", "relay_unavailable"}
    eventually(lambda: not relay_sessions(stack), what="the relay holds nothing of it")
    assert caller.call(number).code == 200
    both_heard(caller, phone, 3)
    assert caller.ask("BYE").code == 200


_kept: dict[str, tuple[str, AudioPhone]] = {}


@pytest.fixture
def hostile_line(
    stack: Stack, network: Network, public: PublicNetwork, switch: tuple[str, int]
) -> tuple[str, AudioPhone]:
    """A number and the phone behind NAT that it rings, one for all of these tests."""
    if stack.database_url not in _kept:
        line = network.line()
        phone = AudioPhone(switch, line.user, line.secret, public.router())
        eventually(lambda: phone.register() == 200, what="the phone is registered")
        _kept[stack.database_url] = (line.number, phone)
    return _kept[stack.database_url]


def test_a_tag_that_is_no_tag_reaches_no_other_call(
    network: Network, public: PublicNetwork, stack: Stack, caller: AudioCaller, audio_phone: PhoneMaker, story: Story
) -> None:
    """Tags and Call-ID are the stranger's; sessions and sides at the relay have names of our own."""
    line = network.line()
    phone = audio_phone(line, public.router())
    caller.tag = "phone"
    assert caller.call(line.number).code == 200
    both_heard(caller, phone)
    eventually(lambda: len(relay_sessions(stack)) == 1, what="the relay has forgotten earlier calls")
    names = relay_sessions(stack)
    asked = json.dumps(ask_relay(stack, "query", call_id=names[0])["tags"])
    assert set(json.loads(asked)) == {"caller", "phone"}
    assert audio_target(caller.final.body)[0] == public.switch
    assert caller.ask("BYE").code == 200
    record = story.of_call(caller.call_id)
    assert names[0].startswith(str(record.attempt_id))
