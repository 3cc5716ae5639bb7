"""The worker's own judgement of every attempt: with the version and the facts that the decider named.

Its verdict must equal the decider's. Where it does not, one of them is wrong: the attempt is marked, System Log says
so as an error, and the dashboard counts it.
"""

import logging
import uuid
from collections.abc import Iterable
from typing import NamedTuple

from django.db import DatabaseError

from routing.decision import Decision, Facts, InboundAttempt
from routing.evaluation import evaluate
from routing.judging import judge_now
from routing.loader import VersionPruned, VersionUnknown
from routing.snapshot import Snapshot
from routing.store import snapshots
from systemlog.events import Event

logger = logging.getLogger(__name__)

# Reasons for which no decider judged the call: there is nothing that the worker's verdict could differ from.
UNDECIDED = {"", "no_decision"}
ROUTE = ("number", "carrier_id", "carrier_account_id", "did_id", "alias_id", "account_id")


class Verdict(NamedTuple):
    """The worker's decision about one attempt, and whether it says something else than the decider's."""

    attempt: uuid.UUID
    decision: Decision | None
    differs: bool


def judge_events(events: Iterable[Event]) -> dict[uuid.UUID, Verdict]:
    """Judge the attempts of decision events (or ends, for a switch that only reports); by attempt."""
    verdicts: dict[uuid.UUID, Verdict] = {}
    # By version, so that the snapshot goes one way through the batch.
    for event in sorted(events, key=lambda event: _version(event) or 0):
        try:
            verdicts[event.attempt] = _judge(event)
        except DatabaseError:
            raise
        except Exception:
            # A fault of the evaluation must not cost the call its CDR: it is reported as a difference.
            logger.exception("attempt %s could not be judged", event.attempt)
            verdicts[event.attempt] = Verdict(event.attempt, None, differs=True)
    return verdicts


def _version(event: Event) -> int | None:
    return event.integer("version") or None


def _judge(event: Event) -> Verdict:
    try:
        attempt = InboundAttempt.from_call(event.call, event.switch)
    except ValueError:
        return Verdict(event.attempt, None, differs=False)
    version, told = _version(event), event.text("reason", 40)
    decided = event.type == "decision" and told not in UNDECIDED and version is not None
    try:
        with snapshots.at(version if decided else None) as config:
            decision = judge(event, attempt, config) if decided else judge_alone(event, attempt, config)
    except VersionPruned:
        # The event is older than the history we keep: whatever we said would not be about what the decider knew.
        logger.warning("attempt %s was decided by version %s, kept no longer: not judged again", event.attempt, version)
        return Verdict(event.attempt, None, differs=False)
    except VersionUnknown:
        # The decider judged by a configuration that this database never had: that is a difference in itself.
        with snapshots.at() as config:
            return Verdict(event.attempt, judge(event, attempt, config), differs=True)
    return Verdict(event.attempt, decision, decided and differs(decision, event))


def judge(event: Event, attempt: InboundAttempt, config: Snapshot) -> Decision:
    """Judge an attempt by the facts recorded with its decision."""
    facts = Facts.from_json(event.body.get("facts"), event.body.get("live"), event.body.get("registered"))
    return evaluate(attempt, config, facts)


def judge_alone(event: Event, attempt: InboundAttempt, config: Snapshot) -> Decision:
    """Judge an attempt that no decider judged, with what is known now."""
    known = Facts.from_json({}, event.body.get("live"), event.body.get("registered"))
    return judge_now(attempt, config, live=known.live, registered=known.registered)


def differs(decision: Decision, event: Event) -> bool:
    """Whether the verdict, or the route of a call let in, is another than the event's."""
    if decision.reason != event.text("reason", 40):
        return True
    route = {
        "number": decision.number,
        "carrier_id": decision.carrier and decision.carrier.id,
        "carrier_account_id": decision.carrier_account and decision.carrier_account.id,
        "did_id": decision.did and decision.did.id,
        "alias_id": decision.alias and decision.alias.id,
        "account_id": decision.account and decision.account.id,
    }
    told = {name: event.text(name) if name == "number" else event.integer(name) or None for name in ROUTE}
    return decision.accept and route != told
