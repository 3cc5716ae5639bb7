"""Judge a typed call, or a past one again: as it was at its instant, and as it would be now."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts.models import Registration
from routing.decision import Check, Decision, InboundAttempt, Outcome, Ref
from routing.judging import Money, judge_now
from routing.leg_prices import ACCOUNT_LEG, CARRIER_LEG
from routing.loader import LegFunds, load_funds
from routing.models import Attempt
from routing.policy import current_policy
from routing.snapshot import Snapshot
from routing.store import snapshots

TYPED_PARTS = ("source", "ruri", "to_uri", "p_called_party_id")


def simulate(call: Mapping[str, Any]) -> Decision:
    """Return the verdict on a call as of now; the phone counts as registered when the portal knows a live contact."""
    return simulate_all([call])[0]


def simulate_all(calls: Sequence[Mapping[str, Any]]) -> list[Decision]:
    """Return the verdicts on calls of one moment: what several of them ask of the database is asked once."""
    money, registered = Money(), cache(is_registered)
    moment = f"{time.time():.6f}"
    with snapshots.at() as config:
        return [_judged(call, moment, config, money, registered) for call in calls]


def _judged(
    call: Mapping[str, Any], moment: str, config: Snapshot, money: Money, registered: Callable[[int], bool]
) -> Decision:
    attempt = InboundAttempt.from_call({**call, "attempt": str(uuid.uuid4()), "at": moment}, switch="simulator")
    decision = judge_now(attempt, config, money=money)
    if decision.accept and decision.alias:
        decision = judge_now(attempt, config, registered=registered(decision.alias.id), money=money)
    return decision


@dataclass(frozen=True)
class Holding:
    """What a call would have set aside on one leg now."""

    leg: str
    owner: Ref | None
    currency: str
    funds: LegFunds

    @property
    def paid_seconds(self) -> int:
        """The seconds that money pays for."""
        return self.funds.seconds - self.funds.free_seconds


def holdings(decision: Decision) -> list[Holding]:
    """Return what the call would have set aside before it rings, by leg; nothing where nothing is to pay."""
    if not decision.reserve:
        return []
    with connection.cursor() as cursor:
        found = load_funds(cursor, decision.reserve, current_policy().reservation_seconds)
    owners = {CARRIER_LEG: decision.carrier, ACCOUNT_LEG: decision.account}
    known = [leg for leg in decision.reserve if leg.leg in found]
    return [Holding(leg.leg, owners.get(leg.leg), leg.currency, found[leg.leg]) for leg in known]


def is_registered(alias_id: int) -> bool:
    """Whether the alias has a contact that has neither ended nor expired."""
    live = Registration.objects.filter(alias_id=alias_id, ended_at=None, expires_at__gt=timezone.now())
    return live.exists()


@dataclass(frozen=True)
class Difference:
    """One check that ends otherwise now than it did then."""

    title: str
    then: Check
    now: Check


@dataclass(frozen=True)
class Replay:
    """A past attempt with the decision of its instant and that of now."""

    attempt: Attempt
    then: Decision | None
    now: Decision
    differences: list[Difference]

    @property
    def words(self) -> str:
        """What changed, in one sentence."""
        then = self.then.reason if self.then else self.attempt.decided_reason or "no_decision"
        if then == self.now.reason:
            return "The same call would end the same way now."
        if self.now.accept:
            return "The same call would be let in now."
        return "The same call would be refused for another reason now." if then != "accepted" else (
            "The same call would be refused now."
        )  # fmt: skip


def replay(attempt: Attempt) -> Replay:
    """Judge a stored attempt again as of now; what was decided then is its record."""
    then = Decision.from_record(attempt.record) if attempt.record else None
    call = {part: attempt.call.get(part) or "" for part in TYPED_PARTS}
    now = simulate(call)
    return Replay(attempt, then, now, differences(then, now) if then else [])


def differences(then: Decision, now: Decision) -> list[Difference]:
    """Return the checks whose outcome changed, of those that told something at both times."""
    told = {Outcome.PASSED, Outcome.FAILED}
    return [
        Difference(old.title, old, new)
        for old, new in zip(then.checks, now.checks, strict=True)
        if old.outcome in told and new.outcome in told and old.outcome is not new.outcome
    ]
