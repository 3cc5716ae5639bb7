"""A paid call whose configuration changes while its funds are asked for: only then is it judged again."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from routing.decider.funds import Held
from routing.decider.judge import Judge, State
from routing.decision import InboundAttempt, Reserve
from routing.snapshot import Change, Snapshot
from tests.loops import run_async
from tests.routing.configs import ACCOUNT, ALIAS, PAID, as_call, call, usual


def judged_while(config: Snapshot, *changes: Change) -> dict[str, Any]:
    """Return the answer to the usual call whose funds are there, where this changes before it is known."""
    state = State()
    state.config, state.credit = config, {11: True, 12: True}
    replies: list[bytes] = []

    async def funds(_: InboundAttempt, legs: tuple[Reserve, ...], most: int) -> Held:
        if changes:
            config.apply(changes, config.version + 1)
        return Held(tuple(leg.leg for leg in legs), seconds=60)

    async def asked() -> None:
        judge = Judge("decider-1", state, funds)
        request = {"op": "decide", "index": "12", "label": "34", "switch": "sw1", "call": as_call(call())}
        judge.receive(json.dumps(request).encode(), replies.append)
        await asyncio.gather(*judge._waiting)
        assert not judge.faults

    run_async(asked())
    return json.loads(replies[0])


CHEAPER = PAID[3]._replace(rate_minute=Decimal("0.030000"))
CASES: dict[str, tuple[list[Change], str, int]] = {
    "nothing changes": ([], "accepted", 7),
    "it is refused now": ([Change("alias", 1, ALIAS._replace(enabled=False))], "alias_disabled", 8),
    "it costs the same": ([Change("account", 1, ACCOUNT._replace(product_id=2, max_call_seconds=60))], "accepted", 8),
    "it costs something else": ([Change("rate", 2, CHEAPER)], "funds_unknown", 8),
    "it costs nothing now": ([Change("account", 1, ACCOUNT)], "accepted", 8),
}


@pytest.mark.parametrize(("changes", "reason", "version"), CASES.values(), ids=CASES)
def test_what_is_in_force_by_then_decides(changes: list[Change], reason: str, version: int) -> None:
    found = judged_while(usual(ACCOUNT._replace(product_id=2)), *changes)
    assert (found["reason"], found["version"]) == (reason, version)
    # Only a call that was paid for as it is let in ends with its cover.
    assert ("covered_seconds" in found) == (reason == "accepted" and found["facts"].get("funds") == {"account": True})
