"""Each step of a call in words, with what it is about."""

import uuid
from collections import defaultdict
from typing import Any

from cdr import audio
from cdr.models import CDR, sip_user
from routing.models import Attempt
from routing.reasons import reason as reason_of
from systemlog.choices import Category, Severity
from systemlog.entries import ref, write_entries
from systemlog.events import Event
from systemlog.models import LogEntry


def write(events: list[Event], records: dict[uuid.UUID, CDR], verdicts: dict[uuid.UUID, dict[str, Any]]) -> None:
    """Log calls' events. What an earlier entry could not know of its call it is told when the decision comes."""
    entries = []
    undecided = _undecided(events)
    told = _told_by_their_end(events, records)
    for event in events:
        record = records[event.attempt]
        if event.type == "decision" and event.attempt in told:
            continue
        if event.type == "decision":
            entries.append(_decided(event, record, verdicts.get(event.attempt, {})))
        elif event.type == "end" and event.attempt in undecided:
            entries.append(_decided(event, record, {}))
        elif (words := _WORDS.get(event.type)) and (entry := words(event, record)):
            entries.append(entry)
    write_entries(entries)
    _complete_earlier_entries(events, records)


def _undecided(events: list[Event]) -> set[uuid.UUID]:
    """Return the attempts refused in this batch that no decision was asked for: a switch that only reports."""
    decided = {event.attempt for event in events if event.type == "decision"}
    refused = {
        event.attempt: event.started
        for event in events
        if event.type == "end" and event.attempt not in decided and reason_of(event.text("reason", 40)).refuses
    }
    if not refused:
        return set()
    return set(
        Attempt.objects.filter(
            attempt_id__any=refused, started_at__in=set(refused.values()), decided_reason=""
        ).values_list("attempt_id", flat=True)
    )


def _told_by_their_end(events: list[Event], records: dict[uuid.UUID, CDR]) -> set[uuid.UUID]:
    """Return the attempts whose end came before this decision, and told of the refusal in its place."""
    ended = {event.attempt for event in events if event.type == "end"}
    late = {
        event.attempt: event.text("reason", 40)
        for event in events
        if event.type == "decision" and records[event.attempt].ended_at and event.attempt not in ended
    }
    refused = {attempt: code for attempt, code in late.items() if reason_of(code).refuses}
    if not refused:
        return set()
    entries = LogEntry.objects.filter(attempt_id__any=refused).values_list("attempt_id", "reason")
    return {attempt for attempt, code in entries if attempt is not None and refused[attempt] == code}


def refs_of(record: CDR) -> list[dict[str, Any]]:
    """Return what a call is about, by the names it was known by then."""
    return [
        *ref("carrier", record.carrier_id, record.carrier_label),
        *ref("did", record.did_id, record.did_label),
        *ref("client", record.client_id, record.client_label),
        *ref("account", record.account_id, record.account_label),
        *ref("alias", record.alias_id, record.alias_label),
    ]


def called_number(record: CDR) -> str:
    """Return the number a call was for: the DID's, or what the carrier sent, without + and 00, as it is searched."""
    return record.number or sip_user(record.called).removeprefix("+").removeprefix("00")


def _number_words(record: CDR) -> str:
    return f"+{record.number}" if record.number else sip_user(record.called)


def duration_words(seconds: float) -> str:
    """Return a duration as people say it: 4.2 s, 3:05, 1:00:09."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _entry(event: Event, record: CDR, message: str, category: str, severity: str, reason: str = "") -> LogEntry:
    return LogEntry(
        at=event.at,
        category=category,
        severity=severity,
        reason=reason,
        message=message,
        refs=refs_of(record),
        attempt_id=record.attempt_id,
        number=called_number(record),
        source=record.source,
        call_id=record.call_id,
    )


def _decided(event: Event, record: CDR, verdict: dict[str, Any]) -> LogEntry:
    code = event.text("reason", 40)
    known = reason_of(code)
    address = record.source or "an unknown address"
    origin = f"by {record.carrier_label} ({address})" if record.carrier_label else f"at {address}"
    caller = sip_user(record.caller) or "anonymous"
    number = _number_words(record) or "no number"
    if code == "accepted":
        words = f"Call from {caller} {origin} to {number} accepted: it goes to alias {record.alias_label}"
        words += f" of account {record.account_label}." if record.account_label else "."
        return _entry(event, record, words, Category.CALL, Severity.INFO, code)
    words = f"Call from {caller} {origin} to {number} refused: {known.words}."
    if verdict.get("reason") == code:
        words += _failed_check_words(verdict)
    return _entry(event, record, words, known.category, known.severity, code)


def _failed_check_words(verdict: dict[str, Any]) -> str:
    checks = verdict.get("checks")
    for check in checks if isinstance(checks, list) else ():
        if isinstance(check, dict) and check.get("outcome") == "failed":
            near, words = check.get("near"), check.get("words")
            return f" Nearest miss: {near}." if near else f" {words}." if words else ""
    return ""


def _ringing(event: Event, record: CDR) -> LogEntry:
    code = event.integer("code") or 180
    words = f"{record.alias_label or 'The phone'} rings ({code})."
    return _entry(event, record, words, Category.CALL, Severity.INFO, "ringing")


def _answered(event: Event, record: CDR) -> LogEntry:
    words = f"{record.alias_label or 'The phone'} answered the call to {_number_words(record) or 'it'}."
    return _entry(event, record, words, Category.CALL, Severity.INFO, "answered")


def _ended(event: Event, record: CDR) -> LogEntry | None:
    code = event.text("reason", 40)
    known = reason_of(code)
    if known.refuses:
        return None  # The decision's entry has said so already.
    answered = record.answered_at
    if code == "completed" and answered:
        who = {"caller": "the caller hung up", "callee": "the phone hung up"}.get(event.text("by"), "it was hung up")
        words = f"Call ended after {duration_words((event.at - answered).total_seconds())}: {who}."
    elif answered:
        words = f"Call ended after {duration_words((event.at - answered).total_seconds())}: {known.words}."
        payer = {"account": record.account_label, "carrier": record.carrier_label}.get(event.text("lacking", 16))
        if payer:
            words += f" {payer} has no free funds for more of it."
    else:
        words = f"Call to {_number_words(record) or 'the phone'} not answered: {known.words}"
        phone_code = event.integer("phone_code")
        words += f"; the phone said {phone_code}." if phone_code and phone_code != 200 else "."
    return _entry(event, record, words, known.category, known.severity, code)


def _audio(event: Event, record: CDR) -> LogEntry | None:
    """Tell of one-way and missing audio; that both sides were heard is no news."""
    fault = audio.fault_words(record)
    if not fault:
        return None
    words = f"{fault} ({audio.packets_words(record)})."
    return _entry(event, record, words, Category.CALL, Severity.WARNING, "one_way_audio")


_WORDS = {"ringing": _ringing, "answer": _answered, "end": _ended, "audio": _audio}


def _complete_earlier_entries(events: list[Event], records: dict[uuid.UUID, CDR]) -> None:
    types: dict[uuid.UUID, set[str]] = defaultdict(set)
    for event in events:
        types[event.attempt].add(event.type)
    for attempt, mine in types.items():
        record = records[attempt]
        earlier = (
            (record.rang_at and "ringing" not in mine)
            or (record.answered_at and "answer" not in mine)
            or (record.ended_at and "end" not in mine)
        )
        if "decision" in mine and earlier:
            LogEntry.objects.filter(attempt_id=attempt, refs=[]).update(
                refs=refs_of(record), number=called_number(record), source=record.source, call_id=record.call_id
            )
