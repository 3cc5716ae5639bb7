"""Judge an attempt with what this process can know now: for the HTTP API, the simulator and a DID's readiness.

The evaluation stays pure: it is asked again with each fact that it turned out to need.
"""

from collections.abc import Callable, Mapping

from django.db import connection

from routing.decision import Decision, Facts, InboundAttempt
from routing.evaluation import evaluate
from routing.loader import load_credit, load_funds
from routing.snapshot import Snapshot


def judge_now(
    attempt: InboundAttempt,
    config: Snapshot,
    *,
    live: Mapping[str, int] | None = None,
    registered: bool | None = None,
    hold: Callable[[Decision], Mapping[str, bool | None]] | None = None,
) -> Decision:
    """Return the verdict with credit and funds as the database has them now; raises what the database raises.

    ``hold`` sets the funds aside and says by leg whether it could; without it they are only looked at.
    """
    facts = Facts(live=live or {}, registered=registered)
    decision = evaluate(attempt, config, facts)
    carrier = config.carrier(decision.carrier.id) if decision.carrier else None
    if decision.reason == "funds_unknown" and carrier and not decision.routed:
        with connection.cursor() as cursor:
            facts.credit = load_credit(cursor, [carrier.balance_id])
        decision = evaluate(attempt, config, facts)
    if decision.reason == "funds_unknown" and decision.reserve and hold:
        facts.funds = hold(decision)
        decision = evaluate(attempt, config, facts)
    elif decision.reason == "funds_unknown" and decision.reserve:
        with connection.cursor() as cursor:
            found = load_funds(cursor, decision.reserve, config.policy.reservation_seconds)
        facts.funds = {leg: funds.enough for leg, funds in found.items()}
        decision = evaluate(attempt, config, facts)
    return decision
