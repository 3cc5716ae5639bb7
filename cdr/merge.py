"""Merge a call's events into its CDR: the same record whatever the order, however often (no ORM call, no clock).

Each column has one kind of event as its source, or a rule that does not ask who came first: the earliest time, the
answering phone before the ringing one, an end that the switch told before one that the portal concluded.

A concluded end (``switch_lost``) stands only while nothing proves that the call lived on after it.
"""

import datetime as dt
from collections.abc import Iterable

from cdr.models import CDR
from systemlog.events import Event, InvalidEvent, address_of, integer_of, text_of

SWITCH_LOST = "switch_lost"
SMALL = 32_767
CALL_EVENTS = ("attempt", "decision", "ringing", "answer", "alive", "end", "audio")


def merge(record: CDR, events: Iterable[Event]) -> CDR:
    """Merge events of one attempt into its record and return it. Names of ids are the caller's to add.

    Raise InvalidEvent for an event of another switch: nobody tells another's calls.
    """
    for event in events:
        record.switch = record.switch or event.switch
        if record.switch != event.switch:
            raise InvalidEvent(f"the call is one of switch {record.switch}, not of {event.switch}")
        _MERGE[event.type](record, event)
    if record.reason == SWITCH_LOST and record.ended_at and record.ended_at < last_proof_of_life(record):
        _reopen(record)
    return record


def last_proof_of_life(record: CDR) -> dt.datetime:
    """Return the latest instant at which the call is known to have lived."""
    return max(filter(None, (record.started_at, record.rang_at, record.answered_at, record.alive_at)))


def _merge_call(record: CDR, event: Event) -> None:
    call = event.call
    record.source = record.source or address_of(call.get("source"))
    record.source_port = record.source_port or integer_of(call.get("port"))
    record.transport = record.transport or text_of(call.get("transport"), 8)
    record.caller = record.caller or text_of(call.get("from_uri"))
    record.called = record.called or text_of(call.get("ruri"))
    record.call_id = record.call_id or text_of(call.get("call_id"))
    record.caller_user_agent = record.caller_user_agent or text_of(call.get("user_agent"))


def _merge_decision(record: CDR, event: Event) -> None:
    _merge_call(record, event)
    record.number = event.text("number", 15)
    record.alias_label = event.text("alias", 64)
    for party in ("carrier", "carrier_account", "did", "account", "alias"):
        told = event.integer(f"{party}_id") or None
        if party != "alias" and told != getattr(record, f"{party}_id"):
            # What the portal's own evaluation named before the decision came is not what was decided.
            setattr(record, f"{party}_label", "")
        setattr(record, f"{party}_id", told)
    record.max_seconds = event.integer("max_seconds") or None
    record.traced = bool(event.integer("trace"))


def _merge_ringing(record: CDR, event: Event) -> None:
    record.rang_at = _earliest(record.rang_at, event.at)
    record.contact = record.contact or event.text("contact")


def _merge_answer(record: CDR, event: Event) -> None:
    record.answered_at = _earliest(record.answered_at, event.at)
    record.contact = event.text("contact") or record.contact
    record.phone_user_agent = record.phone_user_agent or event.text("phone_user_agent")


def _merge_alive(record: CDR, event: Event) -> None:
    record.alive_at = max(filter(None, (record.alive_at, event.at)))


def _merge_end(record: CDR, event: Event) -> None:
    record.rang_at = _earliest(record.rang_at, event.time("rang"))
    record.answered_at = _earliest(record.answered_at, event.time("answered"))
    record.phone_user_agent = record.phone_user_agent or event.text("phone_user_agent")
    reason = event.text("reason", 40)
    if record.ended_at is not None:
        # One end is what the contract promises. Where there are two, the told one counts, then the earlier.
        known = (record.reason == SWITCH_LOST, record.ended_at, record.reason)
        if known <= (reason == SWITCH_LOST, event.at, reason):
            return
    record.ended_at = event.at
    record.reason = reason
    record.sip_code = _small(event.integer("sip"))
    record.q850_cause = _small(event.integer("q850"))
    record.hung_up_by = event.text("by", 8)
    record.phone_code = _small(event.integer("phone_code")) or None
    record.phone_reason = event.text("phone_reason")
    # An end that the worker concluded knows nothing of the audio.
    record.audio = event.text("audio", 8) or record.audio
    record.audio_why = event.text("audio_why", 16) or record.audio_why


def _merge_audio(record: CDR, event: Event) -> None:
    """Take what the relay counted; -1: it did not know the call any more."""
    for side in ("caller_packets", "phone_packets"):
        told = event.integer(side)
        if told is not None and told >= 0:
            setattr(record, side, max(told, getattr(record, side) or 0))


def _reopen(record: CDR) -> None:
    """Take back an end that was only concluded: the call lived longer. cdr.lost_calls concludes anew if it must."""
    record.ended_at = record.sip_code = record.q850_cause = record.phone_code = None
    record.reason = record.hung_up_by = record.phone_reason = ""


def _earliest(known: dt.datetime | None, told: dt.datetime | None) -> dt.datetime | None:
    return min(filter(None, (known, told)), default=None)


def _small(value: int | None) -> int | None:
    return value if value is not None and value <= SMALL else None


_MERGE = {
    "attempt": _merge_call,
    "decision": _merge_decision,
    "ringing": _merge_ringing,
    "answer": _merge_answer,
    "alive": _merge_alive,
    "end": _merge_end,
    "audio": _merge_audio,
}
