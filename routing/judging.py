"""Judge an attempt with what this process can know now: for the HTTP API, the simulator and a DID's readiness.

The evaluation stays pure: it is asked again with each fact that it turned out to need.
"""

import json
from collections.abc import Callable, Iterable, Mapping

from django.db import connection

from routing.decision import Decision, Facts, InboundAttempt, Reserve
from routing.evaluation import evaluate
from routing.loader import LegFunds, load_credit, load_funds
from routing.snapshot import Snapshot


class Money:
    """Credit and funds as the database has them now; each is asked once, however many calls one page judges."""

    def __init__(self) -> None:
        self._credit: dict[int, dict[int, bool]] = {}
        self._funds: dict[str, dict[str, LegFunds]] = {}

    def credit(self, balance_id: int) -> dict[int, bool]:
        """Return by balance whether it is in credit."""
        if balance_id not in self._credit:
            with connection.cursor() as cursor:
                self._credit[balance_id] = load_credit(cursor, [balance_id])
        return self._credit[balance_id]

    def funds(self, legs: Iterable[Reserve], quantum: int) -> dict[str, LegFunds]:
        """Return by leg what a call of so many seconds would have set aside."""
        legs = list(legs)
        asked = json.dumps([quantum, *[leg.priced() for leg in legs]])
        if asked not in self._funds:
            with connection.cursor() as cursor:
                self._funds[asked] = load_funds(cursor, legs, quantum)
        return self._funds[asked]


def judge_now(
    attempt: InboundAttempt,
    config: Snapshot,
    *,
    live: Mapping[str, int] | None = None,
    registered: bool | None = None,
    hold: Callable[[Decision], Mapping[str, bool | None]] | None = None,
    money: Money | None = None,
) -> Decision:
    """Return the verdict with credit and funds as the database has them now; raises what the database raises.

    ``hold`` sets the funds aside and says by leg whether it could; without it they are only looked at. ``money`` is
    what judgements of one moment share.
    """
    money = money or Money()
    facts = Facts(live=live or {}, registered=registered)
    decision = evaluate(attempt, config, facts)
    carrier = config.carrier(decision.carrier.id) if decision.carrier else None
    if decision.reason == "funds_unknown" and carrier and not decision.routed:
        facts.credit = money.credit(carrier.balance_id)
        decision = evaluate(attempt, config, facts)
    if decision.reason == "funds_unknown" and decision.reserve and hold:
        facts.funds = hold(decision)
        decision = evaluate(attempt, config, facts)
    elif decision.reason == "funds_unknown" and decision.reserve:
        found = money.funds(decision.reserve, config.policy.reservation_seconds)
        facts.funds = {leg: funds.enough for leg, funds in found.items()}
        decision = evaluate(attempt, config, facts)
    return decision
