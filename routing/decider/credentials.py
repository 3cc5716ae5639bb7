"""Keep the switch's table of credentials (htable ``cred``: SIP user name → HA1) in step with the database.

Changes go key by key. After each connect of either side everything is compared, and what differs is put right.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import structlog

from routing.decider.database import Blocking
from routing.decider.follower import Credential
from routing.decider.rpc import RpcError, SwitchRpc

log = structlog.get_logger(__name__)

TABLE = "cred"
# A switch that has just started takes its first command a moment later than it takes our connection.
RETRY_SECONDS = 0.2
# Kamailio's answer must fit one datagram: larger tables are compared key by key.
DUMP_KEYS = 500
COMPARE_SECONDS = 600.0
ABSENT = ""


class Drift(NamedTuple):
    """How far the switch's table was from ours, before it was put right."""

    held: int
    missing: int
    wrong: int
    foreign: int

    def __bool__(self) -> bool:
        return bool(self.missing or self.wrong or self.foreign)


class CredentialKeeper:
    """Holds what the switch should know and makes it so; ``on_drift`` hears of what a comparison put right."""

    def __init__(
        self, rpc: SwitchRpc, on_drift: Callable[[Drift], None], past_names: Callable[[], Iterable[str]]
    ) -> None:
        self.rpc, self.on_drift, self.past_names = rpc, on_drift, past_names
        self.wanted: dict[str, str] = {}
        self.in_step = False
        self._names: dict[int, str] = {}
        self._known = False
        self._compare = True
        self._changed: dict[str, str] = {}
        self._woken = asyncio.Event()
        self.altered = asyncio.Event()
        self.jobs = Blocking("switch-rpc")

    def replace(self, credentials: list[Credential]) -> None:
        """Take the whole set, after a full load."""
        self.wanted = {c.username: c.ha1 for c in credentials}
        self._names = {c.alias_id: c.username for c in credentials}
        self._known = True
        self.altered.set()
        self.compare_soon()

    def change(self, credentials: list[Credential], alias_ids: list[int]) -> None:
        """Take what some aliases have become; those without a credential may not register any more."""
        for alias_id in alias_ids:
            if (name := self._names.pop(alias_id, None)) is not None:
                self.wanted.pop(name, None)
                self._changed[name] = ABSENT
        for alias_id, username, ha1 in credentials:
            self._names[alias_id] = username
            self.wanted[username] = self._changed[username] = ha1
        self.altered.set()
        self._woken.set()

    def all(self) -> list[Credential]:
        """Return the whole set as it is now."""
        return [Credential(alias_id, name, self.wanted[name]) for alias_id, name in self._names.items()]

    def compare_soon(self) -> None:
        """Compare everything: the switch may have restarted."""
        self._compare = True
        self._woken.set()

    async def run(self) -> None:
        """Keep the table in step until cancelled."""
        told = ""
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                if not self._known:
                    continue
                try:
                    await self._bring_in_step()
                    told = ""
                except (OSError, RpcError, TimeoutError, KeyError, TypeError, ValueError) as error:
                    # What was half done is found by the comparison.
                    self._compare, self.in_step = True, False
                    if str(error) != told:
                        log.warning("the switch takes no credentials", error=str(error))
                        told = str(error)
                    await asyncio.sleep(RETRY_SECONDS)
                    self._woken.set()
        finally:
            self.jobs.close()
            self.rpc.close()

    async def _bring_in_step(self) -> None:
        changed, self._changed = self._changed, {}
        if self._compare:
            self._compare = False
            wanted = dict(self.wanted)
            drift = await self.jobs.run(lambda: self._put_right(wanted), COMPARE_SECONDS)
            log.info("credentials compared", **drift._asdict())
            if drift:
                self.on_drift(drift)
        else:
            await self.jobs.run(lambda: self._push(changed), COMPARE_SECONDS)
        self.in_step = True

    def _push(self, changed: dict[str, str]) -> None:
        for name, ha1 in changed.items():
            if ha1 == ABSENT:
                self._delete(name)
            else:
                self.rpc.call("htable.sets", TABLE, name, ha1)

    def _put_right(self, wanted: dict[str, str]) -> Drift:
        count = self._count()
        held = self._dump() if count <= DUMP_KEYS else None
        missing = wrong = foreign = 0
        for name, ha1 in wanted.items():
            there = held.get(name) if held is not None else self._get(name)
            if there != ha1:
                missing, wrong = (missing + 1, wrong) if there is None else (missing, wrong + 1)
                self.rpc.call("htable.sets", TABLE, name, ha1)
        if held is not None:
            extra: Iterable[str] = [name for name in held if name not in wanted]
        else:
            # Too many to list; whatever is too much once was an alias of ours.
            extra = [name for name in self.past_names() if name not in wanted] if self._count() > len(wanted) else []
        for name in extra:
            foreign += self._delete(name)
        # From now on the switch may refuse whom it does not find.
        self.rpc.call("htable.seti", "counter", "credentials_known", 1)
        return Drift(count, missing, wrong, foreign)

    def _count(self) -> int:
        tables: list[dict[str, Any]] = self.rpc.call("htable.stats")
        return next((table["all"] for table in tables if table["name"] == TABLE), 0)

    def _dump(self) -> dict[str, str]:
        slots: list[dict[str, Any]] = self.rpc.call("htable.dump", TABLE)
        return {item["name"]: str(item["value"]) for slot in slots for item in slot["slot"]}

    def _get(self, name: str) -> str | None:
        try:
            return str(self.rpc.call("htable.get", TABLE, name)["item"]["value"])
        except RpcError:
            return None

    def _delete(self, name: str) -> int:
        with contextlib.suppress(RpcError):
            self.rpc.call("htable.delete", TABLE, name)
            return 1
        return 0
