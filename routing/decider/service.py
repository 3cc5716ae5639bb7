"""The decider put together: judge, follower, credentials, heartbeat, and one connection to one switch."""

import asyncio
import contextlib
import datetime as dt
import json
import signal
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import structlog

from routing.decider import database
from routing.decider.cluster import Cluster
from routing.decider.credentials import CredentialKeeper, Drift
from routing.decider.evapi import EvapiClient
from routing.decider.follower import Follower
from routing.decider.funds import FundsDesk
from routing.decider.judge import Judge, State
from routing.decider.meter import Meter
from routing.decider.pulse import Pulse, Sign, switch_sign
from routing.decider.relay_sign import relay_sign
from routing.decider.rpc import SwitchRpc
from routing.decider.vault import Vault
from routing.snapshot import Policy

log = structlog.get_logger(__name__)

# Changes of credentials that come together are kept together.
VAULT_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class DeciderSettings:
    """What one decider process needs to know."""

    name: str
    switch: str
    evapi: str
    evapi_secret: str = field(repr=False)
    dsn: dict[str, Any]
    policy: Policy
    data: Path
    run: Path
    rpc_socket: Path
    redis_url: str = field(repr=False)
    node_address: str
    algorithm: str = "MD5"
    realm: str = "voipbilling"
    secret: str = field(default="", repr=False)
    relay_control: str = ""


class Decider:
    """One process's parts; ``run`` returns once it is told to stop."""

    def __init__(self, settings: DeciderSettings) -> None:
        self.settings = settings
        name, dsn = settings.name, settings.dsn
        self.state = State()
        quantum = settings.policy.reservation_seconds
        self.funds = FundsDesk(name, dsn, quantum)
        self.meter = Meter(
            name,
            settings.switch,
            dsn,
            quantum,
            tell=lambda body: self.evapi.send(body),
            connected=lambda: self.evapi.connected,
        )
        self.pulse = Pulse(name, dsn, self._signs)
        self.cluster = Cluster(
            settings.switch,
            settings.node_address,
            settings.redis_url,
            self._rpc("peers"),
            self.pulse.soon,
        )
        self.judge = Judge(name, self.state, self.funds.ask, self.cluster, self.meter)
        self.credentials = CredentialKeeper(self._rpc("rpc"), self._on_drift, self._past_names)
        self.vault = Vault(settings.data / f"{name}.credentials", settings.secret, settings.algorithm, settings.realm)
        self.follower = Follower(
            name,
            dsn,
            self.state,
            settings.policy,
            settings.data / f"{name}.snapshot",
            algorithm=settings.algorithm,
            on_loaded=self.credentials.replace,
            on_changed=self.credentials.change,
        )
        hello = json.dumps({"op": "hello", "secret": settings.evapi_secret}).encode()
        self.evapi = EvapiClient(settings.evapi, self.judge.receive, self._on_connect, hello)
        self._watch = self._rpc("watch")
        self._started = dt.datetime.now(dt.UTC)
        self._stop = asyncio.Event()

    def _rpc(self, part: str) -> SwitchRpc:
        """Return a way to ask the switch for one part, which alone reads its replies."""
        return SwitchRpc(self.settings.rpc_socket, self.settings.run / f"{self.settings.name}.{part}")

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        await self._start_from_disk()
        tasks = [
            loop.create_task(work, name=name)
            for name, work in (
                ("follower", self.follower.run()),
                ("credentials", self.credentials.run()),
                ("pulse", self.pulse.run()),
                ("cluster", self.cluster.run()),
                ("meter", self.meter.run()),
                ("vault", self._keep_credentials()),
                ("evapi", self._serve()),
            )
        ]
        stopping = loop.create_task(self._stop.wait())
        done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in (*tasks, stopping):
            task.cancel()
        await asyncio.gather(*tasks, stopping, return_exceptions=True)
        self.funds.close()
        self._watch.close()
        for task in done - {stopping}:
            # A part that ends by itself is a fault of ours: end the process, the supervisor starts it anew.
            task.result()
            raise RuntimeError(f"{task.get_name()} ended")
        log.info("stopped")

    async def _start_from_disk(self) -> None:
        """Begin with what the last run kept, so that an outage of the database finds us answering."""
        await self.follower.start_from_disk()
        credentials = await asyncio.to_thread(self.vault.load)
        if credentials is not None:
            self.credentials.replace(credentials)
            self.credentials.altered.clear()
            log.info("credentials from disk", count=len(credentials))

    async def _keep_credentials(self) -> None:
        while True:
            await self.credentials.altered.wait()
            self.credentials.altered.clear()
            try:
                await asyncio.to_thread(self.vault.save, self.credentials.all())
            except OSError as error:
                log.error("the credentials could not be kept on disk", error=str(error))
            await asyncio.sleep(VAULT_SECONDS)

    async def _serve(self) -> None:
        # Without a configuration nothing can be judged: the switch must see that nobody is there.
        await self.follower.loaded.wait()
        await self.evapi.run()

    def _signs(self) -> list[Sign]:
        """Return the signs of life; in the thread of the pulse."""
        config = self.state.config
        version = config.version if config else None
        median, late = self.judge.percentiles()
        details = {
            "switch": self.settings.switch,
            "connected": self.evapi.connected,
            # A call at this switch would be decided, and reach phones that are registered at others.
            "ready": self.evapi.connected and self.cluster.acquainted,
            "database": self.follower.connected,
            "redis": self.cluster.connected,
            "leads_meter": self.meter.leads,
            "credentials_in_step": self.credentials.in_step,
            "decisions": self.judge.decisions,
            "faults": self.judge.faults,
            "median_ms": round(median, 3),
            "p99_ms": round(late, 3),
        }
        signs = [Sign(self.settings.name, "decider", self._started, version, details)]
        applied = version if self.credentials.in_step else None
        with contextlib.suppress(OSError):
            switch = switch_sign(self._watch, self.settings.switch, applied, self.settings.node_address)
            if switch is not None:
                signs.append(switch)
        if self.settings.relay_control:
            relay = relay_sign(self.settings.relay_control, self.settings.switch)
            signs += [relay] if relay is not None else []
        return signs

    def _on_connect(self) -> None:
        self.credentials.compare_soon()
        self.pulse.soon()
        self.meter.retell()

    def _on_drift(self, drift: Drift) -> None:
        name = self.settings.switch
        if drift.held == 0:
            self.pulse.note("info", f"Switch {name} was given {drift.missing} credentials by {self.settings.name}")
        else:
            self.pulse.note(
                "warning",
                f"Credentials of switch {name} had drifted and were put right by {self.settings.name}: "
                f"{drift.missing} missing, {drift.wrong} wrong, {drift.foreign} too many",
            )

    def _past_names(self) -> Iterable[str]:
        """Return every SIP user name there ever was; in the thread of the credentials."""
        try:
            with (
                contextlib.closing(
                    database.connect(self.settings.dsn, f"{self.settings.name} names", statement_ms=20_000)
                ) as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute(
                    "SELECT DISTINCT body->>'username' FROM routing_configchange "
                    "WHERE kind = 'alias' AND body IS NOT NULL"
                )
                return [name for (name,) in cursor.fetchall()]
        except psycopg2.Error as error:
            raise OSError(str(error)) from error
