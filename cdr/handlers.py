"""What the switch's events become: CDRs, log entries, charged legs, recorded SIP messages."""

import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.db import connection
from django.db.models import Case, F, JSONField, Value, When
from django.db.models.expressions import CombinedExpression

from billing.metering.answers import Answered, note_answers
from cdr import call_log
from cdr.charging import charge_calls
from cdr.merge import CALL_EVENTS
from cdr.models import CDR, SipMessage
from cdr.names import Names
from cdr.reports.marks import mark_changed
from cdr.store import merge_records
from routing.models import Attempt
from systemlog.events import MAX_MESSAGE, Event, endpoint_of
from systemlog.handlers import handles

Verdicts = dict[uuid.UUID, dict[str, Any]]


# The last handler: charges lock balances, which calls about to start wait for, until the commit.
@handles(*CALL_EVENTS, weight=900)
def record_calls(events: list[Event]) -> None:
    """Merge calls' events into their CDRs, log each step in words, and charge what has ended.

    Routing's handler runs before (its weight is lower), so that the decision's record stands already.
    """
    verdicts = verdicts_on(events)

    def complete(records: list[CDR]) -> None:
        fill_parties([record for record in records if record.attempt_id in verdicts], verdicts)

    records = merge_records(events, complete)
    call_log.write(events, records, verdicts)
    mark_changed(record.started_at for record in records.values())
    charge_calls(records.values())
    note_paid_answers(events)


def note_paid_answers(events: list[Event]) -> None:
    """Write down the answers that no decider was there to hear, or their calls would never be extended.

    After the charges: calls are locked after balances everywhere (billing.reservations).
    """
    answers = {}
    for event in events:
        if event.type == "answer" and "entry" in event.body:
            with suppress(ValueError, TypeError):
                answers[str(event.attempt)] = Answered.read(event.at, event.body["entry"], event.body.get("id"))
    if answers:
        with connection.cursor() as cursor:
            note_answers(cursor, answers)


# Nobody reads here which checks a call passed, and they are most of its record.
NEEDED_OF_RECORD = Case(
    When(reason="accepted", then=CombinedExpression(F("record"), "-", Value("checks"), output_field=JSONField())),
    default=F("record"),
)


def verdicts_on(events: list[Event]) -> Verdicts:
    """Return the worker's decision records of the attempts decided in this batch.

    For an attempt whose switch asked nobody (so far), the worker's own evaluation is the verdict.
    """
    decided = {event.attempt for event in events if event.type == "decision"}
    named = [event for event in events if event.type in {"attempt", "decision"}]
    if not named:
        return {}
    starts = [event.started for event in named]
    rows = Attempt.objects.filter(
        attempt_id__any={event.attempt for event in named}, started_at__range=(min(starts), max(starts))
    ).values_list("attempt_id", NEEDED_OF_RECORD, "decided_reason")
    found = {pk: record or {} for pk, record, reason in rows if pk in decided or not reason}
    return {attempt: found.get(attempt, {}) for attempt in decided | found.keys()}


PARTIES = ("carrier", "carrier_account", "did", "client", "account", "alias")
# What the columns of a CDR hold; names elsewhere are longer than a DID or a SIP user name.
LABEL_LENGTH = {"did": 32, "alias": 64}


def fill_parties(records: list[CDR], verdicts: Verdicts) -> None:
    """Add who took part, by the names of the decision's record, and of today for what it does not name."""
    nameless = []
    for record in records:
        verdict = verdicts[record.attempt_id]
        record.number = record.number or str(verdict.get("number") or "")[:15]
        for party in PARTIES:
            row = verdict.get(party)
            if not isinstance(row, Mapping) or not isinstance(row.get("id"), int):
                continue  # The name of today will do; a record of another form must not cost the call its CDR.
            known = getattr(record, f"{party}_id")
            if known is None:
                setattr(record, f"{party}_id", row["id"])
            if known in (None, row["id"]):
                setattr(record, f"{party}_label", str(row.get("label", ""))[: LABEL_LENGTH.get(party, 100)])
        if any(getattr(record, f"{party}_id") and not getattr(record, f"{party}_label") for party in PARTIES):
            nameless.append(record)
    if nameless:
        names = Names(nameless)
        for record in nameless:
            names.fill(record)


@handles("trace")
def record_messages(events: list[Event]) -> None:
    """Keep the SIP messages of a traced call."""
    SipMessage.objects.bulk_create(
        SipMessage(
            at=event.at,
            attempt_id=event.attempt,
            sequence=event.seq,
            direction=event.text("direction", 3),
            src=endpoint_of(event.body.get("src")),
            dst=endpoint_of(event.body.get("dst")),
            transport=event.text("transport", 8),
            message=event.text("message", MAX_MESSAGE),
        )
        for event in events
    )
