"""Release what is held for calls that are over, or that the switch never told of (the sweep).

The worker gives back what a call held in the transaction that takes its end in. Left are: what a decider reserved after
that, because it hung and the other one answered; and a call of which no event ever came, and no decider heard that it
talks. A call whose end never comes is no case of this: cdr.lost_calls ends it.
"""

import datetime as dt
import logging
import uuid

from django.db import transaction
from django.utils import timezone

from billing import reservations
from billing.metering.models import MeteredCall
from billing.models import Reservation
from cdr.models import CDR
from core.render import money_text
from systemlog.choices import Category, Severity
from systemlog.duties import advisory_lock, duty
from systemlog.entries import write_entries
from systemlog.models import LogEntry

logger = logging.getLogger(__name__)

LOCK = 1_919_247_220
# Longer than a decider may hang with an answer that it still gives, and an event be on its way. Of a call that is known
# to be over nothing is on its way any more; it is let go before the ledger's check would name it (cdr.proofs).
SETTLED = dt.timedelta(seconds=60)
OVER = dt.timedelta(seconds=40)
# An attempt's start is the same in all of its events; the margin only keeps the search out of old partitions.
MARGIN = dt.timedelta(hours=1)
AT_ONCE = 500


@duty(seconds=10.0, when_caught_up=True)
def release_vanished() -> bool:
    """Release them; runs only when every event of the stream is read. Return whether there may be more."""
    with advisory_lock(LOCK) as held:
        return held and sweep(timezone.now())


def sweep(now: dt.datetime) -> bool:
    """Release what is held for nothing at this instant."""
    held = MeteredCall.objects.filter(closed_at=None, started_at__lt=now - OVER).order_by("started_at")
    calls = {call.attempt_id: call for call in held}
    if not calls:
        return False
    started = [call.started_at for call in calls.values()]
    known = CDR.objects.filter(
        attempt_id__in=list(calls), started_at__range=(min(started) - MARGIN, max(started) + MARGIN)
    )
    ended = {attempt: at is not None for attempt, at in known.values_list("attempt_id", "ended_at")}
    vanished = sorted(
        (attempt for attempt, call in calls.items() if ended.get(attempt, is_lost(call, now))),
        key=lambda attempt: attempt.int,
    )[:AT_ONCE]
    if not vanished:
        return False
    with transaction.atomic():
        amounts = amounts_of(vanished)
        released = reservations.release(vanished)
        write_entries(entry(attempt, amounts.get(attempt, ""), now) for attempt in sorted(released))
    logger.warning("what was held for %d vanished calls was released", len(released))
    return len(vanished) == AT_ONCE


def is_lost(call: MeteredCall, now: dt.datetime) -> bool:
    """Tell whether nothing will ever be heard of a call of which no event has come."""
    return call.started_at < now - SETTLED and not talks(call, now)


def talks(call: MeteredCall, now: dt.datetime) -> bool:
    """Tell whether the switch told a decider that a call was answered, and it may last: its events are only late.

    A switch that cannot reach the stream tells deciders all the same; the call goes on, and has to be paid for.
    """
    if call.answered_at is None or call.over_at is not None:
        return False
    return now < call.answered_at + dt.timedelta(seconds=call.max_seconds) + SETTLED


def amounts_of(attempts: list[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return what each holds, in words."""
    rows = Reservation.objects.filter(attempt_id__in=attempts, state="held").select_related("balance").order_by("leg")
    found: dict[uuid.UUID, str] = {}
    for row in rows:
        words = f"{money_text(row.amount)} {row.balance.currency} on the {row.leg}’s leg"
        found[row.attempt_id] = f"{found[row.attempt_id]} and {words}" if row.attempt_id in found else words
    return found


def entry(attempt: uuid.UUID, amount: str, now: dt.datetime) -> LogEntry:
    """Return the line that says what was released."""
    return LogEntry(
        at=now,
        category=Category.BILLING,
        severity=Severity.WARNING,
        reason="reservation_released",
        message=f"Released {amount}: it was held for a call that is over, or never came.",
        attempt_id=attempt,
    )
