"""RTP in both directions: through the relay where somebody is behind NAT, past it where nobody is."""

import time
from collections.abc import Callable

from accounts.services import update_alias
from cdr.explanation import explain
from cdr.models import CDR
from cdr.selectors import evidence_for
from core.choices import AudioPath
from tests.nat.audio import AudioCaller, AudioPhone, Rtp, audio_target, sdp_of, udp
from tests.nat.lab import PublicNetwork
from tests.nat.relay import relay_sessions
from tests.stack import Stack, eventually
from tests.switch.conftest import Story
from tests.switch.network import Line, Network, alias_of, wait_in_force
from tests.switch.phone import Manner

PhoneMaker = Callable[..., AudioPhone]


def both_heard(caller: AudioCaller, phone: AudioPhone, packets: int = 10) -> None:
    """Return once each side has heard so many packets of the other."""
    eventually(
        lambda: min(caller.rtp.heard_from(phone.rtp), phone.rtp.heard_from(caller.rtp)) >= packets,
        what=f"both hear {packets} packets",
    )  # fmt: skip


def wait_for_count(record: CDR) -> None:
    """Return once the relay's count of packets has been told."""
    eventually(CDR.objects.filter(pk=record.pk, phone_packets__isnull=False).exists, what="the relay's count is told")
    record.refresh_from_db()


def set_audio(network: Network, line: Line, audio: AudioPath) -> None:
    """Set what the alias's page sets, and return when it is in force."""
    update_alias(actor=network.actor, alias=alias_of(line), audio=audio)
    wait_in_force()


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
    wait_for_count(record)
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


def test_a_late_offer_is_relayed_too(
    network: Network, public: PublicNetwork, caller: AudioCaller, audio_phone: PhoneMaker
) -> None:
    """INVITE without SDP: the phone offers in its 200, the carrier answers in its ACK (RFC 3261 §13.2.1)."""
    line = network.line()
    phone = audio_phone(line, public.router())
    final = caller.call(line.number, body="")
    assert (final.code, audio_target(final.body)[0]) == (200, public.switch)
    both_heard(caller, phone)
    assert caller.ask("BYE").code == 200


def test_a_reinvite_of_either_side_moves_its_audio(
    network: Network, public: PublicNetwork, caller: AudioCaller, audio_phone: PhoneMaker
) -> None:
    """The carrier moves its gateway to another port, then the phone asks again: both go on hearing each other."""
    line = network.line()
    phone = audio_phone(line, public.router())
    assert caller.call(line.number).code == 200
    both_heard(caller, phone)
    caller.rtp.close()
    caller.rtp = Rtp(udp(caller.host))
    answer = caller.ask("INVITE", sdp_of(caller.host, caller.rtp.port))
    assert (answer.code, audio_target(answer.body)[0]) == (200, public.switch)
    both_heard(caller, phone)
    before = phone.rtp.heard_from(caller.rtp)
    assert phone.in_dialog("INVITE", phone.answer_body(phone.messages[0])) == 200
    offered = caller.wait_for("INVITE")
    assert audio_target(offered.body)[0] == public.switch
    eventually(lambda: phone.rtp.heard_from(caller.rtp) > before + 10, what="audio goes on after the phone's re-INVITE")
    assert caller.ask("BYE").code == 200


def test_of_two_phones_each_has_the_audio_it_needs(
    network: Network, public: PublicNetwork, stack: Stack, caller: AudioCaller, audio_phone: PhoneMaker, story: Story
) -> None:
    """One alias, a phone behind NAT and one that is not: the one that answers decides, nothing is left at the relay."""
    line = network.line()
    far = audio_phone(line, public.router(), manner=Manner(answer_after=None))
    near = audio_phone(line, public.address())
    assert caller.call(line.number).code == 200
    both_heard(caller, near)
    assert audio_target(near.messages[0].body)[0] == caller.host
    assert audio_target(far.wait_for("INVITE").body)[0] == public.switch
    assert caller.ask("BYE").code == 200
    assert story.of_call(caller.call_id).audio == "direct"
    far.manner, near.manner = Manner(), Manner(answer_after=None)
    assert caller.call(line.number).code == 200
    both_heard(caller, far)
    assert caller.ask("BYE").code == 200
    assert story.of_call(caller.call_id).audio_why == "phone_nat"
    eventually(lambda: not relay_sessions(stack), what="the relay has forgotten both calls")


def test_an_ipv4_carrier_and_an_ipv6_phone_hear_each_other(
    network: Network, public: PublicNetwork, stack: Stack, caller: AudioCaller, audio_phone: PhoneMaker, story: Story
) -> None:
    """Each side gets an SDP of its own family, also where the alias is set to go past the relay."""
    line = network.line()
    phone = audio_phone(line, public.address6(), server=(public.v6, stack.sip_port))
    set_audio(network, line, AudioPath.NEVER)
    final = caller.call(line.number)
    assert (final.code, audio_target(final.body)[0]) == (200, public.switch)
    assert audio_target(phone.messages[0].body)[0] == public.v6
    both_heard(caller, phone)
    assert caller.ask("BYE").code == 200
    assert story.of_call(caller.call_id).audio_why == "families"


def test_the_setting_of_the_alias_overrules_what_would_be_chosen(
    network: Network, public: PublicNetwork, caller: AudioCaller, audio_phone: PhoneMaker, story: Story
) -> None:
    """Always: a phone that needs no relay goes through it. Never: one behind NAT gets the carrier's own address."""
    near, far = network.line(), network.line()
    phone, hidden = audio_phone(near, public.address()), audio_phone(far, public.router())
    set_audio(network, near, AudioPath.ALWAYS)
    set_audio(network, far, AudioPath.NEVER)
    assert caller.call(near.number).code == 200
    both_heard(caller, phone)
    assert {address for address, _ in caller.rtp.sources} == {public.switch}
    assert caller.ask("BYE").code == 200
    record = story.of_call(caller.call_id)
    assert (record.audio, record.audio_why) == ("relay", "setting")
    assert caller.call(far.number).code == 200
    assert audio_target(hidden.messages[0].body) == (caller.host, caller.rtp.port)
    assert caller.ask("BYE").code == 200
    assert story.of_call(caller.call_id).audio == "direct"


def test_a_phone_that_sends_no_audio_is_named(
    network: Network, public: PublicNetwork, caller: AudioCaller, audio_phone: PhoneMaker, story: Story
) -> None:
    """One-way audio: System Log warns, the call's page says which side was silent, and what to look at."""
    line = network.line()
    phone = audio_phone(line, public.router())
    phone.rtp.mute = True
    assert caller.call(line.number).code == 200
    eventually(lambda: caller.rtp.sent > 60, what="the carrier has talked for more than a second")
    assert caller.ask("BYE").code == 200
    record = story.of_call(caller.call_id)
    eventually(lambda: any(e.reason == "one_way_audio" for e in story.log_of(record)), what="System Log warns")
    record.refresh_from_db()
    assert record.phone_packets == 0
    assert record.caller_packets
    said = explain(record, evidence_for(record, None))
    assert "The phone sent no audio, so the caller heard nothing" in said.happened
    assert any("muted" in words for words in said.remedies)


def test_a_call_given_up_or_cut_leaves_nothing_at_the_relay(
    network: Network, public: PublicNetwork, stack: Stack, caller: AudioCaller, audio_phone: PhoneMaker, story: Story
) -> None:
    """CANCEL while it rings; and the end that the switch itself makes of a call at its limit."""
    line = network.line()
    ringing = audio_phone(line, public.router(), manner=Manner(answer_after=None))
    assert caller.call(line.number, wait=1).code == 0
    ringing.wait_for("INVITE")
    assert relay_sessions(stack)
    caller.cancel()
    assert caller.final.code == 487
    ringing.wait_for("CANCEL")
    eventually(lambda: not relay_sessions(stack), what="the relay has forgotten the cancelled call")
    short = network.special["short"]
    phone = audio_phone(short, public.router())
    assert caller.call(short.number).code == 200
    both_heard(caller, phone)
    phone.wait_for("BYE")
    record = story.of_call(caller.call_id)
    wait_for_count(record)
    assert (record.reason, record.audio) == ("max_duration", "relay")
    eventually(lambda: not relay_sessions(stack), what="the relay has forgotten the call")
