"""Live calls counted across all nodes against the limits of check 12.

A call that has a limit takes a slot before it is answered for: one script in Redis compares the sum over all living
nodes and raises this node's count, so two nodes cannot both take the last place. Both deciders of a node ask for the
same attempt and get the same answer. While Redis is away each node keeps the limits by its own count, which the switch
compares under its lock in any case.

Both deciders remember the calls that hold slots, and compare three times: what they remember with what Redis holds (it
may have lost its memory), and that with what the switch counts (an end may have been missed).
"""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from redis import RedisError

from routing.decider.rpc import RpcError

log = structlog.get_logger(__name__)

PROFILES = ("carrier_account", "did", "account")
ASK_SECONDS = 0.6
# After a failure nobody asks for so long: no call but the first waits for a server that hangs.
AWAY_SECONDS = 1.0
# An older question is one that the switch does not wait for any more (SIP_DECISION_TIMEOUT).
STALE_SECONDS = 2.0
COMPARE_SECONDS = 5.0
# A younger call may be on its way between the switch, Redis and us.
SETTLED_SECONDS = 10.0
FAULTS = (RedisError, OSError, TimeoutError, ValueError)

# ARGV: node, attempt, what it holds, whether to take, ms of silence that make a node dead, then key and limit by turns.
TAKE = """
local answered = redis.call('GET', 'limits:answer:' .. ARGV[2])
if answered then return answered end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local alive = {[ARGV[1]] = true}
local nodes = redis.call('HGETALL', 'cluster:nodes')
for i = 1, #nodes, 2 do
    if now - tonumber(string.match(nodes[i + 1], '^%d+')) < tonumber(ARGV[5]) then alive[nodes[i]] = true end
end
local answer, full = '', false
for i = 6, #ARGV, 2 do
    local live, sum = redis.call('HGETALL', 'limits:live:' .. ARGV[i]), 0
    for j = 1, #live, 2 do
        if alive[live[j]] then sum = sum + tonumber(live[j + 1]) end
    end
    if sum >= tonumber(ARGV[i + 1]) then full = true end
    answer = answer .. ' ' .. sum
end
local taken = ARGV[4] == '1' and not full
if taken and redis.call('HSETNX', 'limits:held:' .. ARGV[1], ARGV[2], ARGV[3]) == 1 then
    for i = 6, #ARGV, 2 do redis.call('HINCRBY', 'limits:live:' .. ARGV[i], ARGV[1], 1) end
end
answer = (taken and '1' or '0') .. answer
redis.call('SET', 'limits:answer:' .. ARGV[2], answer, 'PX', 5000)
return answer
"""
# ARGV: node, then attempts.
RELEASE = """
for i = 2, #ARGV do
    local held = redis.call('HGET', 'limits:held:' .. ARGV[1], ARGV[i])
    if held then
        redis.call('HDEL', 'limits:held:' .. ARGV[1], ARGV[i])
        for key in string.gmatch(held, '[%w_]+:%d+') do
            if redis.call('HINCRBY', 'limits:live:' .. key, ARGV[1], -1) < 1 then
                redis.call('HDEL', 'limits:live:' .. key, ARGV[1])
            end
        end
    end
end
"""
# ARGV: node, then attempt and what it holds by turns.
HOLD = """
for i = 2, #ARGV, 2 do
    if redis.call('HSETNX', 'limits:held:' .. ARGV[1], ARGV[i], ARGV[i + 1]) == 1 then
        for key in string.gmatch(ARGV[i + 1], '[%w_]+:%d+') do
            redis.call('HINCRBY', 'limits:live:' .. key, ARGV[1], 1)
        end
    end
end
"""


class Slots:
    """The slots of one node's calls; ``size`` asks the switch how many calls it counts for a profile's value."""

    def __init__(self, node: str, client: Any, silent_ms: int, size: Callable[[str, str], Awaitable[int]]) -> None:
        self.node, self.client, self.silent_ms, self.size = node, client, silent_ms, size
        self.held: dict[str, str] = {}  # attempt -> "<epoch> <key> <key> …"
        self._asked: list[tuple[tuple[Any, ...], asyncio.Future[Any]]] = []
        self._asking: asyncio.Task[None] | None = None
        self._released: dict[str, float] = {}
        self._away_until = 0.0

    async def take(self, attempt: str, asked_at: float, limits: dict[str, int], *, take: bool) -> dict[str, int]:
        """Return the live calls before this one by key, over all nodes; empty where they cannot be found out.

        ``limits`` holds keys such as ``did:5``. With ``take``, the call holds a slot of each unless one is full.
        """
        now = time.time()
        if not limits or now - asked_at > STALE_SECONDS:
            return {}
        holds = " ".join([f"{now:.3f}", *limits])
        if time.monotonic() < self._away_until:
            return self._count_alone(attempt, holds, take)
        arguments = [part for pair in limits.items() for part in pair]
        try:
            async with asyncio.timeout(ASK_SECONDS):
                answer = await self._ask(TAKE, self.node, attempt, holds, int(take), self.silent_ms, *arguments)
            taken, *counts = (int(part) for part in str(answer).split())
        except FAULTS as error:
            if time.monotonic() > self._away_until + AWAY_SECONDS:
                log.warning("limits are counted on this node alone", error=repr(error))
            self._away_until = time.monotonic() + AWAY_SECONDS
            return self._count_alone(attempt, holds, take)
        if taken:
            self._remember(attempt, holds)
        return dict(zip(limits, counts, strict=True))

    def release(self, attempt: str) -> None:
        """Give a call's slots back; asked of Redis before anything that is asked later."""
        self.held.pop(attempt, None)
        self._released[attempt] = time.monotonic()
        # Whether it was heard, the next comparison tells.
        self._ask(RELEASE, self.node, attempt).add_done_callback(
            lambda answer: answer.cancelled() or answer.exception()
        )

    async def run(self) -> None:
        """Compare until cancelled."""
        try:
            while True:
                await asyncio.sleep(COMPARE_SECONDS)
                try:
                    async with asyncio.timeout(COMPARE_SECONDS):
                        await self.compare()
                except (*FAULTS, RpcError, KeyError, TypeError) as error:
                    log.info("the slots of limits were not compared", error=repr(error))
        finally:
            if self._asking:
                self._asking.cancel()
            with contextlib.suppress(*FAULTS):
                await self.client.aclose()

    async def compare(self) -> None:
        """Bring our memory, Redis and the switch's own counts together."""
        long_ago = time.monotonic() - 60
        self._released = {attempt: at for attempt, at in self._released.items() if at > long_ago}
        table: dict[str, str] = await self.client.hgetall(f"limits:held:{self.node}")
        for attempt, holds in table.items():
            if attempt not in self._released:
                self.held.setdefault(attempt, holds)
        settled = time.time() - SETTLED_SECONDS
        lost = {a: h for a, h in self.held.items() if a not in table and _since(h) < settled}
        if lost:
            await self.client.eval(HOLD, 0, self.node, *[part for pair in lost.items() for part in pair])
            log.warning("slots that Redis had lost were told again", calls=len(lost))
        surplus = await self._surplus(settled)
        surplus |= table.keys() & self._released.keys()
        if surplus:
            for attempt in surplus:
                self.held.pop(attempt, None)
            await self._ask(RELEASE, self.node, *sorted(surplus))
            log.warning("slots of calls that are gone were given back", calls=len(surplus))

    async def _surplus(self, settled: float) -> set[str]:
        """Return calls that hold slots the switch does not count: the oldest, as many as there are too many."""
        by_key: dict[str, list[str]] = defaultdict(list)
        for attempt, holds in sorted(self.held.items(), key=lambda pair: _since(pair[1])):
            if _since(holds) < settled:
                for key in holds.split()[1:]:
                    by_key[key].append(attempt)
        surplus: set[str] = set()
        for key, attempts in by_key.items():
            profile, _, value = key.partition(":")
            too_many = len(attempts) - await self.size(profile, value)
            if too_many > 0:
                surplus.update(attempts[:too_many])
        return surplus

    def _ask(self, script: str, *arguments: Any) -> asyncio.Future[Any]:
        """Ask Redis, in order, and together with what else is asked meanwhile: a burst costs one journey, not many."""
        answer = asyncio.get_running_loop().create_future()
        self._asked.append(((script, 0, *arguments), answer))
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_all())
        return answer

    async def _ask_all(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, []
            try:
                async with asyncio.timeout(ASK_SECONDS), self.client.pipeline(transaction=False) as pipeline:
                    for command, _ in asked:
                        pipeline.eval(*command)
                    answers = await pipeline.execute(raise_on_error=False)
            except FAULTS as error:
                # Those who have asked meanwhile would wait as long again, and longer than the switch does.
                asked, self._asked = asked + self._asked, []
                answers = [error] * len(asked)
            for (_, future), answer in zip(asked, answers, strict=True):
                if future.done():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    def _count_alone(self, attempt: str, holds: str, take: bool) -> dict[str, int]:
        """Leave the call to the switch's own counts; what it lets in is told to Redis when that is back."""
        if take:
            self._remember(attempt, holds)
        return {}

    def _remember(self, attempt: str, holds: str) -> None:
        if attempt not in self._released:
            self.held[attempt] = holds


def _since(holds: str) -> float:
    return float(holds.partition(" ")[0])
