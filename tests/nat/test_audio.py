"""RTP in both directions: through the relay where somebody is behind NAT, past it where nobody is."""

import time
from collections.abc import Callable

from tests.nat.audio import AudioCaller, AudioPhone, sdp_of
from tests.nat.lab import PublicNetwork
from tests.stack import Stack, eventually
from tests.switch.conftest import Story
from tests.switch.network import Network

PhoneMaker = Callable[..., AudioPhone]


def both_heard(caller: AudioCaller, phone: AudioPhone, packets: int = 10) -> None:
    """Return once each side has heard so many packets of the other."""
    eventually(
        lambda: min(caller.rtp.heard_from(phone.rtp), phone.rtp.heard_from(caller.rtp)) >= packets,
        8, f"both hear {packets} packets",
    )  # fmt: skip


def test_both_hear_each_other_through_a_masquerading_router(
    network: Network, public: PublicNetwork, caller: AudioCaller, audio_phone: PhoneMaker, story: Story
) -> None:
    """The phone's SDP names 10.77.0.10; audio passes in both directions all the same, and the CDR counts it."""
    line = network.line()
    phone = audio_phone(line, public.router())
    assert caller.call(line.number).code == 200
    both_heard(caller, phone)
    assert {address for address, _ in caller.rtp.sources} == {public.switch}
    assert {address for address, _ in phone.rtp.sources} == {public.switch}
    time.sleep(0.6)
    assert caller.ask("BYE").code == 200
    record = story.of_call(caller.call_id)
    eventually(lambda: (record.refresh_from_db(), record.phone_packets)[1] is not None, 5, "the relay's count is told")
    assert (record.reason, record.audio, record.audio_why) == ("completed", "relay", "phone_nat")
    assert 10 <= record.phone_packets <= phone.rtp.sent
    assert 10 <= record.caller_packets <= caller.rtp.sent


def test_audio_passes_the_relay_by_where_nobody_is_behind_nat(
    network: Network, public: PublicNetwork, caller: AudioCaller, audio_phone: PhoneMaker, story: Story
) -> None:
    """Packets come from the other end's own address, not from the switch's."""
    line = network.line()
    phone = audio_phone(line, public.address())
    assert caller.call(line.number).code == 200
    both_heard(caller, phone)
    assert caller.rtp.sources == {(phone.host, phone.rtp.port)}
    assert phone.rtp.sources == {(caller.host, caller.rtp.port)}
    assert caller.ask("BYE").code == 200
    record = story.of_call(caller.call_id)
    assert (record.audio, record.audio_why, record.caller_packets) == ("direct", "", None)


def test_the_relay_is_not_led_to_its_own_control_port(
    network: Network, public: PublicNetwork, caller: AudioCaller, audio_phone: PhoneMaker, story: Story, stack: Stack
) -> None:
    """An RTP packet can hold an order to it, so nobody elsewhere may name this machine in SDP."""
    line = network.line()
    audio_phone(line, public.router())
    own = sdp_of(caller.host, caller.rtp.port)
    for body in (
        sdp_of("127.0.0.1", stack.relay_port),
        own.replace("IP4", "IP6").replace(f"c=IN IP6 {caller.host}", "c=IN IP6 ::ffff:127.0.0.1"),
        f"{own}a=rtcp:{stack.relay_port} IN IP4 127.0.0.1\r\n",
    ):
        assert caller.call(line.number, body=body).code == 503, body
        assert story.of_call(caller.call_id).reason == "relay_unavailable"
    assert caller.call(line.number, body=f"{own}a=rtcp:{caller.rtp.port + 1} IN IP4 {caller.host}\r\n").code == 200
    assert caller.ask("INVITE", sdp_of("127.0.0.1", stack.relay_port)).code == 503
    assert caller.ask("BYE").code == 200
