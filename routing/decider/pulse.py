"""Heartbeats of the decider and of its switch, and what both have to say in System Log.

On a connection and a thread of its own: neither a slow reload nor a hung database makes it late for anything else.
"""

import asyncio
import contextlib
import datetime as dt
import json
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import psycopg2
import structlog

from routing.decider import database
from routing.decider.database import Blocking
from routing.decider.rpc import RpcError, SwitchRpc, profile_size

log = structlog.get_logger(__name__)

BEAT_SECONDS = 2.0
WRITE_SECONDS = 3.0
MAX_NOTES = 100

BEAT = """
INSERT INTO core_heartbeat (name, kind, beat_at, started_at, config_version, details)
VALUES (%s, %s, now(), %s, %s, %s)
ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, beat_at = excluded.beat_at, started_at = excluded.started_at,
    config_version = excluded.config_version, details = excluded.details
"""
NOTE = """
INSERT INTO syslog_logentry (at, category, severity, reason, message, refs, number, call_id)
VALUES (%s, 'switch', %s, '', %s, '[]', '', '')
"""


class Sign(NamedTuple):
    """One process's sign of life."""

    name: str
    kind: str
    started_at: dt.datetime
    config_version: int | None
    details: dict[str, Any]


class Pulse:
    """Writes signs of life every two seconds and log entries as they come."""

    def __init__(self, name: str, dsn: dict[str, Any], signs: Callable[[], list[Sign]]) -> None:
        self.name, self.dsn, self.signs = name, dsn, signs
        self._jobs = Blocking(f"{name}-pulse")
        self._connection: Any = None
        self._notes: list[tuple[dt.datetime, str, str]] = []
        self._due = asyncio.Event()

    def soon(self) -> None:
        """Beat at once: there is something new to say."""
        self._due.set()

    def note(self, severity: str, message: str) -> None:
        """Say something in System Log with the next heartbeat; kept while the database is away."""
        if len(self._notes) < MAX_NOTES:
            self._notes.append((dt.datetime.now(dt.UTC), severity, message))

    async def run(self) -> None:
        """Beat until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                due = loop.time() + BEAT_SECONDS
                self._due.clear()
                try:
                    signs, notes = await self._jobs.run(self.signs, WRITE_SECONDS), self._notes[:]
                    await self._jobs.run(partial(self._write, signs, notes), WRITE_SECONDS, self._connection)
                    del self._notes[: len(notes)]
                except (psycopg2.Error, OSError, TimeoutError):
                    # The follower says that the database is away, the credentials that the switch is; here it only
                    # means no sign of life.
                    self._connection = None
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(due):
                        await self._due.wait()
        finally:
            self._jobs.close()
            if self._connection is not None:
                database.cut(self._connection)

    def _write(self, signs: list[Sign], notes: list[tuple[dt.datetime, str, str]]) -> None:
        if self._connection is None or self._connection.closed:
            self._connection = database.connect(self.dsn, f"{self.name} pulse", statement_ms=2000, autocommit=False)
        try:
            with self._connection, self._connection.cursor() as cursor:
                for sign in signs:
                    cursor.execute(BEAT, [*sign[:4], json.dumps(sign.details)])
                for note in notes:
                    cursor.execute(NOTE, note)
        except psycopg2.Error:
            self._connection.close()
            self._connection = None
            raise


def switch_sign(rpc: SwitchRpc, name: str, config_version: int | None, address: str) -> Sign | None:
    """Return the switch's own sign of life, asked of it now; None when it does not answer.

    Of its dialogs, those ``handed_on`` belong to calls that other nodes decided and count.
    """
    try:
        uptime = int(rpc.call("core.uptime")["uptime"])
        dialogs = rpc.call("dlg.stats_active")
        handed_on = profile_size(rpc, "hop")
        version = str(rpc.call("core.version")).strip()
    except (OSError, RpcError, KeyError, TypeError, ValueError):
        return None
    calls = {key: int(dialogs.get(key, 0)) for key in ("starting", "connecting", "answering", "ongoing", "all")}
    started = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=uptime)
    details = {"calls": calls, "handed_on": handed_on, "address": address, "version": version, "uptime": uptime}
    return Sign(name, "switch", started, config_version, details)
