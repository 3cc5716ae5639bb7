"""One request in, one answer out: evaluates, and asks for funds only where a call costs something."""

import asyncio
import time
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import structlog

from routing.answers import answer, no_decision
from routing.decider.cluster import Cluster
from routing.decider.funds import Held
from routing.decider.meter import Meter
from routing.decider.slots import PROFILES
from routing.decision import Decision, Facts, InboundAttempt, Reserve
from routing.evaluation import evaluate
from routing.payable import with_funds
from routing.snapshot import Snapshot

log = structlog.get_logger(__name__)

Funds = Callable[[InboundAttempt, tuple[Reserve, ...], int], Awaitable[Held]]
Send = Callable[[dict[str, Any]], None]


class State:
    """What the decider knows: replaced or changed between two decisions, never during one."""

    def __init__(self) -> None:
        self.config: Snapshot | None = None
        self.credit: dict[int, bool] = {}


class Judge:
    """Answers decision requests from the state; nothing that arrives may end it."""

    def __init__(
        self, name: str, state: State, funds: Funds, cluster: Cluster | None = None, meter: Meter | None = None
    ) -> None:
        self.name, self.state, self.funds, self.cluster, self.meter = name, state, funds, cluster, meter
        self.decisions = 0
        self.faults = 0
        self._took: deque[int] = deque(maxlen=2000)
        self._waiting: set[asyncio.Task[None]] = set()

    def receive(self, body: bytes, reply: Callable[[bytes], None]) -> None:
        """Handle one message of the switch; ``reply`` is called now, or later for a call that costs something."""
        started = time.perf_counter_ns()
        try:
            request = orjson.loads(body)
            operation = request.get("op")
            if operation == "release":
                if self.cluster:
                    self.cluster.slots.release(str(request["attempt"]))
                return
            if operation in {"answered", "over"}:
                if self.meter:
                    self.meter.hear(request)
                return
            index, label, switch = str(request["index"]), str(request["label"]), str(request.get("switch", ""))
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError):
            self.faults += 1
            log.warning("unreadable request", body=body[:200])
            return
        if operation != "decide":
            return

        def send(flat: dict[str, Any]) -> None:
            reply(orjson.dumps({**flat, "index": index, "label": label}))

        try:
            attempt = InboundAttempt.from_call(request.get("call"), switch)
        except ValueError as error:
            self.faults += 1
            log.warning("unreadable call", error=str(error)[:200])
            self._decide_nothing(send)
            return
        self._decide(attempt, send)
        self.decisions += 1
        self._took.append(time.perf_counter_ns() - started)

    def _decide(self, attempt: InboundAttempt, send: Send) -> None:
        """Judge one call, and answer it or ask for its funds first."""
        try:
            config = self.state.config
            if config is None:
                raise LookupError("no configuration yet")
            facts = Facts(credit=self.state.credit)
            decision = evaluate(attempt, config, facts, explain=False)
            if decision.reserve and decision.reason == "funds_unknown":
                self._later(self._with_funds(attempt, config, facts, decision, send))
            else:
                self._answer(attempt, answer(decision, config.policy, self.name), send)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one call, the next must be answered
            self._fault(error, send)

    def percentiles(self) -> tuple[float, float]:
        """Return median and 99th percentile in ms of the last decisions, from request to answer in this process."""
        took = sorted(self._took)
        if not took:
            return 0.0, 0.0
        return took[len(took) // 2] / 1e6, took[min(len(took) - 1, len(took) * 99 // 100)] / 1e6

    async def _with_funds(
        self, attempt: InboundAttempt, config: Snapshot, facts: Facts, decision: Decision, send: Send
    ) -> None:
        try:
            held = await self.funds(attempt, decision.reserve, decision.max_seconds)
            facts.funds = held.funds(decision.reserve)
            if config.version == decision.version:
                final = with_funds(decision, facts.funds)
            else:
                final = evaluate(attempt, config, facts, explain=False)
                if final.reserve != decision.reserve:
                    # What the configuration has become prices the call otherwise: what is set aside is not for it.
                    facts.funds = {}
                    final = evaluate(attempt, config, facts, explain=False)
            flat = answer(final, config.policy, self.name)
            if final.accept and final.reserve:
                flat["covered_seconds"] = held.covered_seconds
            self._answer(attempt, flat, send)
        except Exception as error:  # noqa: BLE001 - as above
            self._fault(error, send)

    def _answer(self, attempt: InboundAttempt, flat: dict[str, Any], send: Send) -> None:
        """Send an answer with what the other nodes have to do with it: live calls, and phones registered there."""
        if self.cluster is None:
            send(flat)
            return
        if flat["accept"] and (homes := self.cluster.homes(flat["alias"])):
            flat["homes"] = homes
        limits = {f"{what}:{flat[f'{what}_id']}": flat[f"limit_{what}"] for what in PROFILES if f"limit_{what}" in flat}
        limits = {key: limit for key, limit in limits.items() if limit >= 0}
        if limits:
            self._later(self._with_slots(attempt, flat, limits, send))
        else:
            send(flat)

    async def _with_slots(
        self,
        attempt: InboundAttempt,
        flat: dict[str, Any],
        limits: dict[str, int],
        send: Send,
    ) -> None:
        assert self.cluster is not None
        try:
            take = bool(flat["accept"])
            asked_at = attempt.at / 1e6
            live = await self.cluster.slots.take(attempt.attempt_id, asked_at, limits, take=take)
            flat |= {f"live_{key.partition(':')[0]}": count for key, count in live.items()}
            if take:
                flat["slots"] = 1
            send(flat)
        except Exception as error:  # noqa: BLE001 - as above
            self._fault(error, send)

    def _later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    def _fault(self, error: Exception, send: Send) -> None:
        self.faults += 1
        log.error("call not judged", error=repr(error)[:500], trace="".join(traceback.format_exception(error))[-4000:])
        self._decide_nothing(send)

    def _decide_nothing(self, send: Send) -> None:
        """Tell the switch that this call is not judged; it refuses it."""
        send(no_decision(self.name, self.state.config.version if self.state.config else 0))
