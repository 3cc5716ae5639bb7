"""The answer to "may this call come in?" as the switch reads it: flat, so that its JSON look-ups stay simple.

switch/CONTRACT.md describes it; evapi and the HTTP API give the same.
"""

from typing import Any

from routing.decision import Decision
from routing.reasons import reason, sip_answer
from routing.snapshot import Policy


def answer(decision: Decision, policy: Policy, decider: str) -> dict[str, Any]:
    """Return the flat answer. What is not known is left out: Kamailio reads an absent member as $null.

    The limits are there exactly when the call came as far as check 12, and then the switch counts calls.
    """
    known = reason(decision.reason)
    sip, phrase = sip_answer(decision.reason, policy.not_registered_code)
    body: dict[str, Any] = {
        "op": "decision",
        "accept": int(decision.accept),
        "reason": decision.reason,
        "sip": sip,
        "phrase": phrase,
        "q850": known.q850,
        "category": known.category.value,
        "version": decision.version,
        "decider": decider,
        "facts": decision.facts,
        "trace": int(decision.trace),
    }
    if decision.number:
        body["number"] = decision.number
    if decision.carrier:
        body["carrier_id"] = decision.carrier.id
    if decision.carrier_account:
        body["carrier_account_id"] = decision.carrier_account.id
    if decision.did:
        body["did_id"] = decision.did.id
    if decision.alias:
        body["alias"], body["alias_id"] = decision.alias.label, decision.alias.id
    if decision.account:
        body["account_id"] = decision.account.id
    if decision.limits:
        body["max_seconds"] = decision.max_seconds
        body["audio"] = decision.audio
        for what, limit in decision.limits.items():
            body[f"limit_{what}"] = -1 if limit is None else limit
    return body


def no_decision(decider: str, version: int) -> dict[str, Any]:
    """Return the refusal of a call that could not be judged; never let one in unjudged."""
    return answer(Decision("no_decision", version, []), Policy(), decider)
