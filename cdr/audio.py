"""What became of a call's audio, in words: which way it took, why, and whether both sides sent some."""

from cdr.models import CDR

RELAY, DIRECT = "relay", "direct"
# Below it nothing can be concluded: a phone may need a moment to open its microphone.
SHORTEST_JUDGED_SECONDS = 1.0

_WHY = {
    "setting": "as the alias or the carrier's address is set to",
    "families": "one side speaks IPv4, the other IPv6",
    "phone_nat": "the phone is behind NAT",
    "carrier_nat": "the carrier is behind NAT",
    "other_node": "the phone is registered at another switch, which alone knows whether it is behind NAT",
    "private": "one side is in a private network that the other cannot reach",
}
MUTE_PHONE = (
    "Look whether the phone is muted or on hold, and whether the firewall of its network lets UDP out to the switch's "
    "RTP ports."
)
MUTE_CARRIER = (
    "Look whether the switch's firewall lets UDP in to its RTP ports (RTP_PORTS), and ask the carrier whether it sends "
    "audio to the address in the switch's answer."
)
TAKE_THE_RELAY = (
    "If somebody heard nothing, set Audio of the alias to “Always through the relay”: the switch then counts what each "
    "side sends."
)
NO_RELAY = "Install rtpengine (docs/operating.md, RTP_RELAY): this call should have gone through the relay."


def path_words(record: CDR) -> str:
    """Return which way the audio took and why; empty where there was none, or nobody said."""
    if record.audio == RELAY:
        why = _WHY.get(record.audio_why)
        return f"Through the relay: {why}" if why else "Through the relay"
    if record.audio == DIRECT:
        if record.audio_why == "no_relay":
            return "Directly between carrier and phone, because this switch has no relay"
        return "Directly between carrier and phone"
    return ""


def packets_words(record: CDR) -> str:
    """Return what each side sent, by the relay's count."""
    if record.caller_packets is None or record.phone_packets is None:
        return ""
    return f"{_packets(record.caller_packets)} from the carrier, {_packets(record.phone_packets)} from the phone"


def fault_words(record: CDR) -> str:
    """Return which side sent no audio in an answered call through the relay; empty where both did."""
    if record.caller_packets is None or record.phone_packets is None or not record.answered_at:
        return ""
    if (record.duration or 0) < SHORTEST_JUDGED_SECONDS or (record.caller_packets and record.phone_packets):
        return ""
    if not record.caller_packets and not record.phone_packets:
        return "Neither side sent audio"
    if not record.phone_packets:
        return "The phone sent no audio, so the caller heard nothing"
    return "The carrier sent no audio, so nothing was heard at the phone"


def remedies(record: CDR) -> list[str]:
    """Return what to do about audio that was missing, or may have been."""
    if fault_words(record):
        return [*([] if record.phone_packets else [MUTE_PHONE]), *([] if record.caller_packets else [MUTE_CARRIER])]
    if record.audio == DIRECT and record.answered_at:
        return [NO_RELAY] if record.audio_why == "no_relay" else [TAKE_THE_RELAY]
    return []


def _packets(count: int) -> str:
    return f"{count:,} {'packet' if count == 1 else 'packets'}" if count else "nothing"
