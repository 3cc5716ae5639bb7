"""The worker's verdict equals the decider's, through the JSON that passes between them."""

import asyncio
import json
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.answers import answer
from routing.decider.funds import Held
from routing.decider.judge import Judge, State
from routing.decision import Facts, InboundAttempt, Outcome, Reserve
from routing.evaluation import evaluate
from routing.payable import with_funds
from routing.rows import DidPrice, TraceRequest
from routing.snapshot import Change, Snapshot
from routing.verdicts import differs, judge
from systemlog.events import Event, parse_event
from tests.calls import stamp
from tests.loops import run_async
from tests.routing.configs import (
    ACCOUNT,
    ADDRESS,
    ALIAS,
    CARRIER,
    DID,
    KIND_OF,
    PAID,
    ZERO,
    as_call,
    attempts,
    call,
    configs,
    facts,
    some_facts,
    usual,
)


async def no_funds(attempt_id: str, legs: Any) -> dict[str, bool | None]:
    return {leg.leg: None for leg in legs}


def decided(config: Snapshot, attempt: InboundAttempt, credit: dict[int, bool]) -> dict[str, Any]:
    """Return the decider's answer as the switch reads it, through both JSON texts."""
    state = State()
    state.config, state.credit = config, credit
    request = {"op": "decide", "index": "12", "label": "34", "switch": "sw1", "call": as_call(attempt)}
    replies: list[bytes] = []
    Judge("decider-1", state, no_funds).receive(json.dumps(request).encode(), replies.append)
    assert len(replies) == 1
    return json.loads(replies[0])


def reported(flat: dict[str, Any], attempt: InboundAttempt, reason: str, known: Facts) -> Event:
    """Return the decision event that the switch makes of an answer, as the worker parses it."""
    body = {
        "v": 1,
        "switch": "sw1",
        "attempt": str(uuid.UUID(attempt.attempt_id) if len(attempt.attempt_id) > 30 else uuid.uuid4()),
        "type": "decision",
        "seq": 0,
        "at": stamp(attempt.at / 1e6),
        "started": stamp(attempt.at / 1e6),
        "call": as_call(attempt),
        "reason": reason,
        "live": {what: known.live.get(what, -1) for what in ("carrier_account", "did", "account")},
        "registered": -1 if known.registered is None else int(known.registered),
    }
    for name in ("decider", "version", "facts", "number", "alias", "alias_id", "account_id", "did_id", "carrier_id",
                 "carrier_account_id", "max_seconds", "trace"):  # fmt: skip
        if name in flat:
            body[name] = flat[name]
    return parse_event(json.dumps(body))


def as_the_switch(flat: dict[str, Any], known: Facts) -> tuple[str, Facts]:
    """Return a switch's final reason (checks 12 and 14) and the facts that it saw, as switch/*.cfg does."""
    if "limit_did" not in flat:
        return flat["reason"], Facts()
    live = {what: known.live.get(what, -1) for what in ("carrier_account", "did", "account")}
    for what, reason in (("carrier_account", "carrier_limit"), ("did", "did_limit"), ("account", "account_limit")):
        if 0 <= flat[f"limit_{what}"] <= live[what]:
            return reason, Facts(live=live)
    if not flat["accept"]:
        return flat["reason"], Facts(live=live)
    registered = bool(known.registered)
    return "accepted" if registered else "not_registered", Facts(live=live, registered=registered)


@given(configs, attempts, some_facts)
def test_over_any_configuration_and_attempt(config: Snapshot, attempt: InboundAttempt, known: Facts) -> None:
    config.policy = usual().policy
    flat = decided_or_waiting(config, attempt, known)
    reason, seen = as_the_switch(flat, known)
    event = reported(flat, attempt, reason, seen)
    verdict = judge(event, InboundAttempt.from_call(event.call, event.switch), config)
    assert verdict.reason == reason
    assert not differs(verdict, event)


def decided_or_waiting(config: Snapshot, attempt: InboundAttempt, known: Facts) -> dict[str, Any]:
    """Return the answer as the decider gives it once it knows the funds."""
    received = InboundAttempt.from_call(as_call(attempt), "sw1")
    decision = evaluate(received, config, Facts(credit=known.credit), explain=False)
    if decision.reserve:
        waited = with_funds(decision, known.funds)
        whole = Facts(credit=known.credit, funds=known.funds)
        assert waited == evaluate(received, config, whole, explain=False)
        decision = waited
    return json.loads(json.dumps(answer(decision, config.policy, "decider-1")))


BILLED = ACCOUNT._replace(product_id=2)
RATE = PAID[3]
CHANGES = [
    TraceRequest(1, "did", 1, None, 6), CARRIER._replace(enabled=False), ADDRESS._replace(product_id=2),
    BILLED._replace(state="suspended"), BILLED._replace(product_id=1), BILLED._replace(balance_id=2),
    ALIAS._replace(enabled=False), ALIAS._replace(username="desk-102"), DID._replace(state="suspended"),
    DidPrice(1, 1, "USD", Decimal("0.07"), ZERO, 1, 0, 0, 0, 6), RATE, RATE._replace(enabled=False),
    RATE._replace(rate_minute=Decimal("0.07")), PAID[2]._replace(currency="EUR"),
]  # fmt: skip


@given(st.lists(st.sampled_from(CHANGES), max_size=2), st.sampled_from([True, True, False, None]))
def test_whatever_changes_while_a_call_waits_for_its_funds(changed: list[Any], there: bool | None) -> None:
    """Funds pay only for the price that they were set aside for, and the worker comes to the same verdict."""
    config = usual(BILLED)
    held = Held(("account",) if there else (), "account" if there is False else "")
    flat, asked = decided_while(config, changed, held)
    known = facts(registered=True)
    reason, seen = as_the_switch(flat, known)
    event = reported(flat, call(), reason, seen)
    verdict = judge(event, InboundAttempt.from_call(event.call, event.switch), config)
    assert (flat["version"], verdict.reason) == (config.version, reason)
    assert not differs(verdict, event)
    assert changed or reason == {True: "accepted", False: "account_no_credit", None: "funds_unknown"}[there]
    assert not flat["accept"] or asked == [verdict.reserve] or not verdict.reserve
    assert ("covered_seconds" in flat) == bool(flat["accept"] and verdict.reserve)


def decided_while(config: Snapshot, changed: list[Any], held: Held) -> tuple[dict[str, Any], list[tuple[Reserve, ...]]]:
    """Return the answer to the usual call and the funds it asked for; rows change before these are known."""
    asked: list[tuple[Reserve, ...]] = []

    async def funds(_: InboundAttempt, legs: tuple[Reserve, ...], __: int) -> Held:
        asked.append(legs)
        if changed:
            config.apply([Change(KIND_OF[type(row)], row.id, row) for row in changed], config.version + 1)
        return held

    async def answered() -> dict[str, Any]:
        state, reply = State(), asyncio.get_running_loop().create_future()
        state.config, state.credit = config, {11: True}
        request = {"op": "decide", "index": "12", "label": "34", "switch": "sw1", "call": as_call(call())}
        Judge("decider-1", state, funds).receive(json.dumps(request).encode(), reply.set_result)
        return json.loads(await reply)

    return run_async(answered()), asked


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (ALIAS._replace(enabled=False), "alias_disabled"),
        (BILLED._replace(max_call_seconds=60), "accepted"),
        (RATE._replace(rate_minute=Decimal("0.03")), "funds_unknown"),
        (ACCOUNT, "accepted"),
    ],
    ids=["refused", "at the same price", "at another price", "free"],
)
def test_a_call_is_let_in_or_not_by_what_is_in_force_once_its_funds_are_known(row: Any, reason: str) -> None:
    flat, _ = decided_while(usual(BILLED), [row], Held(("account",), seconds=60))
    assert (flat["version"], flat["reason"]) == (8, reason)


def test_the_answer_is_flat_and_leaves_out_what_is_not_known() -> None:
    flat = decided(usual(), call(source="198.51.100.1"), {})
    assert {name: flat[name] for name in ("accept", "reason", "sip", "phrase", "q850", "category")} == {
        "accept": 0, "reason": "source_not_listed", "sip": 403, "phrase": "Forbidden", "q850": 21,
        "category": "call reject",
    }  # fmt: skip
    assert not {"did_id", "carrier_id", "number", "limit_did"} & flat.keys()
    accepted = decided(usual(), call(), {11: True})
    assert accepted["limit_did"] == accepted["limit_account"] == accepted["limit_carrier_account"] == -1
    assert (accepted["index"], accepted["label"], accepted["alias"], accepted["did_id"]) == ("12", "34", "desk-101", 1)
    assert all(not isinstance(value, dict | list) for name, value in accepted.items() if name != "facts")


def test_a_refused_call_below_check_12_carries_no_limits_so_that_it_is_not_counted() -> None:
    flat = decided(usual(), call(ruri="sip:+442079460018@x"), {11: False})
    assert flat["reason"] == "carrier_no_credit"
    assert "limit_did" not in flat


@pytest.mark.parametrize(
    ("told", "differing"),
    [({}, False), ({"reason": "did_unknown"}, True), ({"did_id": 2}, True), ({"alias_id": None}, True)],
)
def test_another_reason_or_another_route_is_a_difference(told: dict[str, Any], differing: bool) -> None:
    known = facts(registered=True)
    flat = decided(usual(), call(), {11: True})
    event = reported(flat, call(), "accepted", known)
    event.body.update(told)
    verdict = judge(event, InboundAttempt.from_call(event.call), usual())
    assert verdict.check(14).outcome is Outcome.PASSED
    assert differs(verdict, event) is differing


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@given(
    json_values | st.fixed_dictionaries({"credit": json_values, "funds": json_values}),
    json_values | st.dictionaries(st.sampled_from(["did", "account", "carrier_account"]), json_values),
    json_values,
)
def test_garbled_facts_are_unknown_facts(body: Any, live: Any, registered: Any) -> None:
    known = Facts.from_json(body, live, registered)
    assert all(count >= 0 for count in known.live.values())
    evaluate(call(), usual(), known).record()
