"""What the deciders of several switch nodes share through Redis: who lives, and where which phone is registered.

Everything needed while a call waits is kept in memory. While Redis is away, calls go on with what was known last.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import structlog
from redis import RedisError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from routing.decider.database import Blocking
from routing.decider.rpc import RpcError, SwitchRpc, profile_size
from routing.decider.slots import Slots

log = structlog.get_logger(__name__)

# hash: node -> "<ms of its last sign of life, Redis's clock> <address> <the nodes its switch knows, with commas>"
NODES = "cluster:nodes"
BINDINGS = "cluster:bindings"  # channel "<node> <until> <alias>", and one hash per node: alias -> until
BEAT_SECONDS = 1.0
# While another node does not know us yet: until it does, it lets no call of ours through to its phones.
GREETING_SECONDS = 0.2
# A node that has been silent for so long is dead: its calls count no more, and no call is sent to its phones.
SILENT_MS = 5000
RELOAD_SECONDS = 60.0
REDIS_SECONDS = 2.0
PAUSE_SECONDS = 1.0

BEAT = f"""
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if ARGV[1] ~= '' then redis.call('HSET', '{NODES}', ARGV[1], string.format('%d %s %s', now, ARGV[2], ARGV[3])) end
return {{string.format('%d', now), redis.call('HGETALL', '{NODES}')}}
"""
FAULTS = (RedisError, OSError, TimeoutError, ValueError)


def connect(url: str) -> Any:
    """Return a client that gives up soon and repeats nothing: whoever asks knows what to do without an answer."""
    return Redis.from_url(
        url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS, retry=Retry(NoBackoff(), 0),
        decode_responses=True, protocol=2,
    )  # fmt: skip


class Cluster:
    """One node among the others, as one of its deciders sees them."""

    def __init__(
        self, node: str, address: str, redis_url: str, rpc: SwitchRpc, on_acquainted: Callable[[], None] = lambda: None
    ) -> None:
        self.on_acquainted = on_acquainted
        self.node, self.address, self.redis_url, self.rpc = node, address, redis_url, rpc
        self.peers: dict[str, str] = {}
        self.connected = False
        # Whether all living nodes let calls of this one through to their phones, as far as Redis tells.
        self.acquainted = False
        self._bound: dict[str, dict[str, float]] = {}
        self._told: dict[str, str] | None = None
        self._up_since = ""
        self._jobs = Blocking("cluster-rpc")
        self.slots = Slots(node, connect(redis_url), SILENT_MS, self._profile_size)

    def homes(self, alias: str) -> str:
        """Return the addresses of the other living nodes at which an alias is registered, separated by commas."""
        bound = self._bound.get(alias)
        if not bound:
            return ""
        now = time.time()
        return ",".join(self.peers[node] for node, until in bound.items() if until > now and node in self.peers)

    async def run(self) -> None:
        """Take part until cancelled."""
        tasks = [asyncio.create_task(work) for work in (self._beat(), self._follow_bindings(), self.slots.run())]
        try:
            await asyncio.gather(*tasks)
        finally:
            # Again until they end: a cancellation that comes while redis-py connects is taken for a time-out there.
            left = set(tasks)
            while left:
                for task in left:
                    task.cancel()
                _, left = await asyncio.wait(left, timeout=0.2)
            self._jobs.close()
            self.rpc.close()

    async def _beat(self) -> None:
        client = connect(self.redis_url)
        loop = asyncio.get_running_loop()
        try:
            while True:
                due = loop.time() + BEAT_SECONDS
                alive = await self._ask_switch()
                try:
                    async with asyncio.timeout(REDIS_SECONDS):
                        node = self.node if alive else ""
                        now, table = await client.eval(BEAT, 0, node, self.address, ",".join(self._known()))
                    self._meet(int(now), dict(zip(table[::2], table[1::2], strict=True)))
                    self.connected = True
                except FAULTS as error:
                    if self.connected:
                        log.warning("Redis lost; the other nodes stay as they were", error=str(error))
                    self.connected = False
                    self._greeted(True)  # There is nobody to wait for.
                known = self._known()
                if alive:
                    await self._tell_switch()
                if known != self._known():
                    continue
                if not self.acquainted:
                    due -= BEAT_SECONDS - GREETING_SECONDS
                await asyncio.sleep(max(0.05, due - loop.time()))
        finally:
            await _close(client)

    def _meet(self, now: int, table: dict[str, str]) -> None:
        peers, strangers = {}, []
        for node, sign in table.items():
            seen, address, known = f"{sign}  ".split(" ", 2)
            if node != self.node and address and now - int(seen) < SILENT_MS:
                peers[node] = address
                if self.node not in known.strip().split(","):
                    strangers.append(node)
        self._greeted(not strangers)
        if peers != self.peers:
            log.info("nodes changed", before=sorted(self.peers), now=sorted(peers))
        self.peers = peers

    def _greeted(self, acquainted: bool) -> None:
        news = acquainted and not self.acquainted
        self.acquainted = acquainted
        if news:
            self.on_acquainted()

    async def _ask_switch(self) -> bool:
        try:
            up_since = str((await self._jobs.run(lambda: self.rpc.call("core.uptime"), REDIS_SECONDS))["up_since"])
        except (OSError, RpcError, TimeoutError, KeyError, TypeError):
            return False
        if up_since != self._up_since:
            self._told = None
        self._up_since = up_since
        return True

    def _known(self) -> list[str]:
        """Return the nodes that the switch has been told of."""
        return sorted(set((self._told or {}).values()))

    async def _tell_switch(self) -> None:
        """Let the switch know its peers' addresses: only these may hand calls on to it."""
        # The switch compares with URIs, which have brackets around IPv6, and with sources, which have none.
        forms = {address: node for node, address in self.peers.items()}
        wanted = forms | {address.replace("[", "").replace("]", ""): node for address, node in forms.items()}
        if wanted == self._told:
            return
        before = self._told or {}

        def push() -> None:
            for address, node in wanted.items():
                self.rpc.call("htable.sets", "nodes", address, node)
            for address in before.keys() - wanted.keys():
                with contextlib.suppress(RpcError):
                    self.rpc.call("htable.delete", "nodes", address)

        try:
            await self._jobs.run(push, REDIS_SECONDS)
            self._told = wanted
        except (OSError, RpcError, TimeoutError) as error:
            log.warning("the switch does not take its peers", error=str(error))

    async def _profile_size(self, profile: str, value: str) -> int:
        """Return how many live calls the switch counts for a value."""
        return await self._jobs.run(lambda: profile_size(self.rpc, profile, value), REDIS_SECONDS)

    async def _follow_bindings(self) -> None:
        while True:
            client: Any = Redis.from_url(
                self.redis_url,
                socket_connect_timeout=REDIS_SECONDS,
                retry=Retry(NoBackoff(), 0),
                decode_responses=True,
                protocol=2,
            )
            try:
                async with client.pubsub() as channel:
                    # Heard first, read then: what changes in between is heard.
                    await channel.subscribe(BINDINGS)
                    await self._read_bindings(client)
                    await self._hear_bindings(client, channel)
            except FAULTS as error:
                log.info("no news of registrations", error=str(error))
            finally:
                await _close(client)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _hear_bindings(self, client: Any, channel: Any) -> None:
        loop = asyncio.get_running_loop()
        reload_at, known = loop.time() + RELOAD_SECONDS, set(self.peers)
        while True:
            message = await channel.get_message(ignore_subscribe_messages=True, timeout=1.0)
            if message is not None:
                node, until, alias = message["data"].split(" ", 2)
                self._bind(node, alias, float(until))
                continue
            # Messages may be lost with a connection; and a node that has just joined may have phones already.
            if loop.time() > reload_at or not known >= set(self.peers):
                await self._read_bindings(client)
                reload_at, known = loop.time() + RELOAD_SECONDS, set(self.peers)

    async def _read_bindings(self, client: Any) -> None:
        async with asyncio.timeout(30):
            for node in await client.hkeys(NODES):
                if node != self.node:
                    for alias, until in (await client.hgetall(f"{BINDINGS}:{node}")).items():
                        self._bind(node, alias, float(until))
        now = time.time()
        for alias in [alias for alias, bound in self._bound.items() if max(bound.values()) < now]:
            del self._bound[alias]

    def _bind(self, node: str, alias: str, until: float) -> None:
        if node == self.node:
            return
        if until:
            self._bound.setdefault(alias, {})[node] = until
        elif (bound := self._bound.get(alias)) is not None:
            bound.pop(node, None)
            if not bound:
                del self._bound[alias]


async def _close(client: Any) -> None:
    with contextlib.suppress(*FAULTS):
        await client.aclose()
