"""What the deciders ask and hear: nothing that one rate or message says harms another call."""

import json
import uuid
from decimal import Decimal

import pytest

from routing.decider.funds import question
from routing.decider.judge import Judge, State
from routing.decider.meter import Meter
from routing.decision import InboundAttempt, Reserve
from tests.billing.metering import Price
from tests.calls import Call

YEAR = 366 * 86_400


def asked(**price: int) -> dict[str, object]:
    call = Call()
    attempt = InboundAttempt.from_call({**call.call, "attempt": call.attempt, "at": call.started}, "sw1")
    return question(attempt, (Reserve("account", 1, Decimal(1), "USD", Price(**price)),), 7200)


def test_a_step_longer_than_the_statement_reckons_with_is_not_asked_with_others() -> None:
    assert asked(increment=YEAR, minimal=YEAR)["max"] == 7200
    for price in ({"increment": YEAR + 1}, {"minimal": 2_147_483_647}):
        with pytest.raises(ValueError, match="steps of more than a year"):
            asked(**price)


@pytest.mark.parametrize(
    "told", [{"entry": str(2**63)}, {"id": "9" * 30}, {"entry": "-1"}, {"id": str(-(2**70))}, {"at": "253402300799.0"}]
)
def test_a_key_or_time_beyond_any_column_costs_only_its_own_message(told: dict[str, str]) -> None:
    async def no_funds(*_: object) -> None: ...

    meter = Meter("decider-1", "sw1", {}, 60, tell=lambda _: None, connected=lambda: True)
    judge = Judge("decider-1", State(), no_funds, None, meter)  # type: ignore[arg-type]
    good = {"op": "answered", "attempt": str(uuid.uuid4()), "at": "1763884800.5", "entry": str(2**63 - 1), "id": "2"}
    for message in ({**good, "attempt": str(uuid.uuid4()), **told}, good):
        judge.receive(json.dumps(message).encode(), lambda _: None)
    assert judge.faults == 1
    assert list(meter._answered) == [good["attempt"]]


@pytest.mark.parametrize("at", ["x", "NaN", "1e300", [1], None])
def test_a_time_that_is_none_ends_no_connection(at: object) -> None:
    async def no_funds(*_: object) -> None: ...

    meter = Meter("decider-1", "sw1", {}, 60, tell=lambda _: None, connected=lambda: True)
    judge = Judge("decider-1", State(), no_funds, None, meter)  # type: ignore[arg-type]
    told = {"op": "answered", "attempt": str(uuid.uuid4()), "at": at, "entry": "1", "id": "2"}
    judge.receive(json.dumps(told).encode(), lambda _: None)
    assert judge.faults == 1


@pytest.mark.parametrize("member", ["switch", "attempt", "at", "ruri"])
def test_what_is_nested_too_deeply_to_be_written_ends_no_connection(member: str) -> None:
    async def no_funds(*_: object) -> None: ...

    judge = Judge("decider-1", State(), no_funds)  # type: ignore[arg-type]
    call = {"attempt": "x", "at": "1"}
    asked = {"op": "decide", "index": "1", "label": "2", "switch": "sw1", "call": call}
    (asked if member == "switch" else call)[member] = "DEEP"
    # As deep as the parser goes, which is deeper than Python writes a list.
    judge.receive(json.dumps(asked).replace('"DEEP"', "[" * 1020 + "]" * 1020).encode(), lambda _: None)
    assert judge.faults == 1
