"""Close the calls whose end never comes, because their switch was killed: reason ``switch_lost``.

A call is given up
- unanswered: when the switch's own timers must have ended it long since;
- answered: when the longest duration the switch allows it is over;
- either, sooner: when its switch has started anew since the call's last sign of life. Calls that were ringing do not
  survive a restart; of answered ones that do, the switch tells so (event ``alive``).

It ends at its last proof of life, so that nobody pays for a guess. Any later proof reopens it, and an end that the
switch tells after all, also out of the local record, replaces this one (cdr.merge).
"""

import datetime as dt
import logging

from django.conf import settings
from django.utils import timezone

from cdr.merge import SWITCH_LOST, last_proof_of_life
from cdr.models import CDR
from systemlog.duties import advisory_lock, duty
from systemlog.events import Event
from systemlog.intake import take_in
from systemlog.models import Switch

logger = logging.getLogger(__name__)

LOCK = 1_819_243_332
UNANSWERED_MARGIN = dt.timedelta(seconds=60)
ANSWERED_MARGIN = dt.timedelta(seconds=120)
# After a restart the switch first reads its dialogs and the worker the local record.
RESTART_MARGIN = dt.timedelta(seconds=30)
AT_ONCE = 500


@duty(seconds=15.0, when_caught_up=True)
def close_lost_calls() -> bool:
    """Close them; runs only when every event of the stream is read. Return whether there may be more."""
    with advisory_lock(LOCK) as held:
        return held and close_lost(timezone.now())


def close_lost(now: dt.datetime) -> bool:
    """Close the calls that are lost at this instant, through the same intake as every other event."""
    started = dict(Switch.objects.filter(started_at__isnull=False).values_list("name", "started_at"))
    open_calls = CDR.objects.filter(ended_at__isnull=True, started_at__lt=now - RESTART_MARGIN).order_by("started_at")
    lost = []
    for record in open_calls.iterator(chunk_size=1000):
        start = started.get(record.switch)
        if overdue(record, now) or (start and last_proof_of_life(record) < start < now - RESTART_MARGIN):
            lost.append(record)
        if len(lost) >= AT_ONCE:
            break
    if lost:
        take_in([lost_event(record) for record in lost])
        logger.warning("%d calls closed as %s", len(lost), SWITCH_LOST)
    return len(lost) >= AT_ONCE


def overdue(record: CDR, now: dt.datetime) -> bool:
    """Whether the switch's own timers must have ended this call long since."""
    if record.answered_at:
        longest = dt.timedelta(seconds=record.max_seconds or settings.MAX_CALL_SECONDS)
        return now > record.answered_at + longest + ANSWERED_MARGIN
    patience = dt.timedelta(seconds=settings.SIP_NO_RESPONSE_TIMEOUT + settings.SIP_NO_ANSWER_TIMEOUT)
    return now > last_proof_of_life(record) + patience + UNANSWERED_MARGIN


def lost_event(record: CDR) -> Event:
    """Return the end that nobody told; its id names the proof it rests on, so that a new proof allows a new one."""
    proof = last_proof_of_life(record)
    return Event(
        id=f"{record.switch[:64]}:{record.attempt_id}:end:lost-{proof.timestamp():.6f}",
        switch=record.switch,
        attempt=record.attempt_id,
        type="end",
        seq=0,
        at=proof,
        started=record.started_at,
        body={"reason": SWITCH_LOST, "sip": 200 if record.answered_at else None, "q850": 41, "by": "switch"},
    )
