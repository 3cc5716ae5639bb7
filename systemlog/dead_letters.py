"""What a person does with an event that could not be taken in."""

import uuid
from typing import Any

from django.db import transaction
from django.utils import timezone

from systemlog.choices import Category, Severity
from systemlog.entries import write_entries
from systemlog.events import InvalidEvent, parse_event
from systemlog.intake import take_in
from systemlog.models import DeadLetter, LogEntry


def retry(pk: int, *, actor: Any) -> str:
    """Take a dead letter's event in again, a discarded one too; return "" when it was (or has been), else the error."""
    with transaction.atomic():
        letter = DeadLetter.objects.select_for_update().get(pk=pk)
        if letter.resolution == "retried":
            return ""
        try:
            event = parse_event(letter.body)
            failed = take_in([event], repeat=True).failed
        except InvalidEvent as error:
            return _still_dead(letter, error)
        if failed:
            return _still_dead(letter, failed[0][1])
        _resolve(letter, "retried", actor)
    return ""


def discard(pk: int, *, actor: Any) -> None:
    """Give a dead letter up; its text is kept. A call that was charged to nobody for it is acknowledged with that."""
    with transaction.atomic():
        letter = DeadLetter.objects.select_for_update().get(pk=pk)
        if not letter.resolution:
            _resolve(letter, "discarded", actor)


def _still_dead(letter: DeadLetter, error: Exception) -> str:
    letter.failures += 1
    letter.error = f"{type(error).__name__}: {error}".replace("\x00", "\ufffd")[:10_000]
    letter.save(update_fields=["failures", "error"])
    return letter.error[:300]


def _resolve(letter: DeadLetter, resolution: str, actor: Any) -> None:
    letter.resolution, letter.resolved_at, letter.resolved_by = resolution, timezone.now(), actor.get_username()
    letter.save(update_fields=["resolution", "resolved_at", "resolved_by"])
    write_entries(
        [
            LogEntry(
                at=letter.resolved_at,
                category=Category.SWITCH,
                severity=Severity.NOTICE,
                reason=f"dead_letter_{resolution}",
                message=f"{letter.resolved_by} {resolution} the dead letter {letter}.",
                attempt_id=_attempt_of(letter),
            )
        ]
    )


def _attempt_of(letter: DeadLetter) -> uuid.UUID | None:
    """Return the call that an event is about, which its id names: switch:attempt:type:seq."""
    try:
        return uuid.UUID(letter.event_id.split(":")[1])
    except (IndexError, ValueError):
        return None
