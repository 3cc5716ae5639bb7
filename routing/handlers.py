"""What attempt, decision and end events become in routing: the attempt with both verdicts, fulfilled trace requests."""

from collections.abc import Iterable
from typing import Any

from django.db import connection

from core.bulk import insert_rows
from routing.models import Attempt
from routing.verdicts import Verdict, judge_events
from systemlog.choices import Category, Severity
from systemlog.entries import write_entries
from systemlog.events import Event, address_of, text_of
from systemlog.handlers import handles
from systemlog.models import LogEntry

COLUMNS = (
    "attempt_id", "started_at", "switch", "source", "call_id", "call", "decider", "config_version", "facts",
    "decided_reason", "reason", "record", "differs",
)  # fmt: skip
DECIDED = ("decider", "config_version", "facts", "decided_reason", "reason", "record", "differs")
# What no decider judged never replaces what one did.
CONFLICT = (
    f"ON CONFLICT (attempt_id, started_at) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in DECIDED)} "
    "WHERE excluded.decided_reason <> ''"
)


@handles("attempt", "decision", weight=50)
def record_attempts(events: list[Event]) -> None:
    """Judge each attempt and keep the record; report where the verdict differs from the decider's.

    An attempt whose decision is not here (yet) is judged alone: for a switch that only reports, that is the verdict.
    A decision replaces it, whichever came first.
    """
    decisions = {event.attempt: event for event in events if event.type == "decision"}
    alone = {event.attempt: event for event in events if event.attempt not in decisions}
    verdicts = judge_events([*decisions.values(), *alone.values()])
    _insert(_row(event, verdicts[event.attempt]) for event in [*decisions.values(), *alone.values()])
    write_entries(
        _difference(event, verdicts[event.attempt]) for event in decisions.values() if verdicts[event.attempt].differs
    )
    _fulfil_traces(event for event in decisions.values() if event.integer("trace"))


def _row(event: Event, verdict: Verdict) -> dict[str, Any]:
    call, decision = event.call, verdict.decision
    told = event.integer("version")
    facts = {name: event.body[name] for name in ("facts", "live", "registered") if name in event.body}
    return {
        "attempt_id": event.attempt,
        "started_at": event.started,
        "switch": event.switch,
        "source": address_of(call.get("source")),
        "call_id": text_of(call.get("call_id")),
        "call": call,
        "decider": event.text("decider", 64),
        "config_version": told or (decision.version if decision else None),
        "facts": facts,
        "decided_reason": event.text("reason", 40) if event.type == "decision" else "",
        "reason": decision.reason if decision else "",
        "record": decision.record() if decision else None,
        "differs": verdict.differs,
    }


def _insert(rows: Iterable[dict[str, Any]]) -> None:
    """Write attempts in one order, all in one statement, so that two workers wait for each other at most once."""
    insert_rows(Attempt, COLUMNS, sorted(rows, key=lambda row: row["attempt_id"].int), conflict=CONFLICT)


def _difference(event: Event, verdict: Verdict) -> LogEntry:
    own = verdict.decision.reason if verdict.decision else "nothing"
    return LogEntry(
        at=event.at,
        category=Category.SWITCH,
        severity=Severity.ERROR,
        reason="verdict_differs",
        message=(
            f"{event.text('decider', 64) or 'A decider'} said {event.text('reason', 40)}, the worker's own evaluation "
            f"with version {event.integer('version')} says {own}. One of them is wrong: please report this."
        ),
        attempt_id=event.attempt,
        number=event.text("number"),
        source=address_of(event.call.get("source")),
        call_id=text_of(event.call.get("call_id")),
    )


def _fulfil_traces(events: Iterable[Event]) -> None:
    """Close the requests that asked for the next call; the deciders then stop asking for a trace."""
    for event in events:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE routing_tracerequest SET fulfilled_at = %s, attempt_id = %s WHERE fulfilled_at IS NULL "
                "AND requested_at <= %s AND ((kind = 'did' AND object_id = %s) OR (kind = 'alias' AND object_id = %s))",
                [event.at, str(event.attempt), event.at, event.integer("did_id"), event.integer("alias_id")],
            )
