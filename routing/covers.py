"""Reserve and extend for a switch that asks over HTTP: what the deciders do for Kamailio (routing.decider)."""

import datetime as dt
import json
import uuid
from typing import Any

from django.db import OperationalError, connection, transaction
from django.utils import timezone
from psycopg2 import errors

from billing.metering.models import MeteredCall
from routing.decider.funds import CUT_MARGIN, RESERVE, RESERVE_FREE, Held, question
from routing.decider.meter import EXTEND, EXTEND_FREE, horizon_of
from routing.decision import Decision, InboundAttempt
from routing.policy import current_policy


class NoCall(LookupError):
    """No paid call of this switch goes on under this name."""


def reserve(attempt: InboundAttempt, decision: Decision) -> Held:
    """Set the first quantum aside on all legs, or on none; once for each attempt, however often it is asked."""
    asked = question(attempt, decision.reserve, decision.max_seconds)
    quantum = current_policy().reservation_seconds
    row = _asked(RESERVE, RESERVE_FREE, [json.dumps([asked]), quantum, CUT_MARGIN])
    return Held.of(*row[1:]) if row else Held()


def _asked(statement: str, of_the_free: str, values: list[Any]) -> Any:
    """Run a statement of the deciders and return its first row; without what somebody holds for long, where that is.

    In no transaction but its own: the commit of an answer that is only repeated does not wait for the disk.
    """
    try:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchone()
    except OperationalError as error:
        if not isinstance(error.__cause__, errors.LockNotAvailable):
            raise
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(of_the_free, values)
        return cursor.fetchone()


def cover(switch: str, attempt: uuid.UUID, answered: dt.datetime) -> dict[str, Any]:
    """Note an answer, extend what needs it, and return until when the call is paid for. Raise NoCall."""
    quantum = current_policy().reservation_seconds
    # By itself: locks of balances come before those of calls.
    with transaction.atomic():
        MeteredCall.objects.filter(pk=attempt, switch=switch, answered_at=None, closed_at=None).update(
            answered_at=answered
        )
    _asked(EXTEND, EXTEND_FREE, [switch, timezone.now(), horizon_of(quantum), quantum, CUT_MARGIN])
    call = MeteredCall.objects.filter(pk=attempt, switch=switch, closed_at=None).first()
    if call is None or call.answered_at is None:
        raise NoCall(f"No paid call {attempt} goes on.")
    seconds = min(max(1, call.seconds - CUT_MARGIN), call.max_seconds)
    until = call.answered_at + dt.timedelta(seconds=seconds)
    return {
        "attempt": attempt,
        "until": f"{until.timestamp():.6f}",
        "covered_seconds": seconds,
        "lacking": call.lacking,
    }
