"""Check 13 of a call: whether each leg that costs something has its first quantum."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from routing.decision import Decision, Reserve

Funds = Mapping[str, bool | None]


def paid(legs: Sequence[Reserve], funds: Funds) -> tuple[dict[str, bool | None], Reserve | None, str]:
    """Return what was asked of the funds, the first leg that lacks them or of which it is not known, and the reason."""
    used: dict[str, bool | None] = {}
    for leg in legs:
        enough = used[leg.leg] = funds.get(leg.leg)
        if not enough:
            return used, leg, "funds_unknown" if enough is None else f"{leg.leg}_no_credit"
    return used, None, "accepted"


def with_funds(decision: Decision, funds: Funds) -> Decision:
    """Return a decider's decision that only waited for the word on its funds, as it is with it.

    The checks before the funds stand as they were, and whether the phone is registered only the switch knows.
    """
    used, _, reason = paid(decision.reserve, funds)
    return replace(decision, reason=reason, facts={**decision.facts, "funds": used})
