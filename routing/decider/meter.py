"""The meter of the paid calls that one switch carries: who was answered, how long it is paid for, and who is over.

Every decider writes down what the switch tells all of them. One of them leads: it holds an advisory lock of
PostgreSQL, extends each call before its cover ends, and tells the switch. A leader that dies or hangs loses its session
and with it the lock, and another one leads within seconds. Where nobody leads, or the database is away, the switch ends
each call by itself when its cover does.
"""

import asyncio
import datetime as dt
import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import psycopg2
import structlog
from psycopg2 import errors

from billing.metering.answers import Answered, note_answers
from routing.decider import database
from routing.decider.database import Blocking
from routing.decider.funds import CUT_MARGIN
from routing.decision import event_microseconds

log = structlog.get_logger(__name__)

TICK_SECONDS = 0.5
WORK_SECONDS = 2.0
# A leader that says nothing for so long is taken for dead by the server, which then frees its lock.
SILENT_MS = 4000
# "mete": the first half of the lock's key; the second is the switch's name.
LOCK = 1_835_365_477
MAX_TOLD = 100_000

LEAD = "SELECT pg_try_advisory_lock(%s, hashtext(%s))"
OVER = """
WITH fresh AS (
    SELECT attempt_id FROM metering_meteredcall
    WHERE attempt_id = ANY(%s::uuid[]) AND over_at IS NULL ORDER BY attempt_id FOR NO KEY UPDATE
)
UPDATE metering_meteredcall m SET over_at = now() FROM fresh WHERE m.attempt_id = fresh.attempt_id
"""
COLUMNS = "dialog_entry, dialog_id, answered_at, seconds, max_seconds, lacking"
EXTEND = f"SELECT attempt, {COLUMNS} FROM metering_extend(%s, %s, %s * interval '1 second', %s, %s)"  # noqa: S608
EXTEND_FREE = EXTEND.replace("metering_extend(", "metering_extend_free(")
LIVE = (
    f"SELECT attempt_id, {COLUMNS} FROM metering_meteredcall "  # noqa: S608
    "WHERE switch = %s AND closed_at IS NULL AND over_at IS NULL AND answered_at IS NOT NULL"
)


class Cover(NamedTuple):
    """How long a call is paid for."""

    attempt: uuid.UUID | str
    entry: int
    number: int
    answered_at: dt.datetime
    seconds: int
    max_seconds: int
    lacking: str

    def message(self) -> bytes:
        """Return what the switch is told: the second of its clock at which it has to end the call."""
        until = self.answered_at + dt.timedelta(seconds=min(self.seconds - CUT_MARGIN, self.max_seconds))
        told = {
            "op": "cover",
            "attempt": str(self.attempt),
            "entry": str(self.entry),
            "id": str(self.number),
            "until": str(int(until.timestamp())),
            "lacking": self.lacking,
        }
        return json.dumps(told, separators=(",", ":")).encode()


def horizon_of(quantum: int) -> float:
    """Return how many seconds before its cover ends a call is extended."""
    return CUT_MARGIN + max(2.0, min(30.0, quantum / 2))


class Meter:
    """One decider's part in the meter; ``tell`` sends to the switch, ``connected`` says whether it would hear."""

    def __init__(
        self,
        name: str,
        switch: str,
        dsn: dict[str, Any],
        quantum: int,
        tell: Callable[[bytes], None],
        connected: Callable[[], bool],
    ) -> None:
        self.name, self.switch, self.dsn, self.quantum = name, switch, dsn, quantum
        self.tell, self.connected = tell, connected
        self.leads = False
        self.horizon = horizon_of(quantum)
        self._answered: dict[str, Answered] = {}
        self._over: set[str] = set()
        self._tell_all = True
        # What the switch has not heard yet. A tick that nobody waits for any more leaves its covers here for the next.
        self._untold: dict[str, Cover] = {}
        self._jobs = Blocking(f"{name}-meter")
        self._connection: Any = None

    def hear(self, told: Mapping[str, Any]) -> None:
        """Take note of what the switch says of a paid call; raises ValueError or KeyError for what cannot be read."""
        attempt = str(uuid.UUID(str(told["attempt"])))
        if len(self._answered) + len(self._over) > MAX_TOLD:
            return  # Without a database for so long nothing can be extended anyway.
        if told["op"] == "over":
            self._over.add(attempt)
            return
        at = dt.datetime.fromtimestamp(event_microseconds(told["at"]) / 10**6, dt.UTC)
        self._answered[attempt] = Answered.read(at, told["entry"], told["id"])

    def retell(self) -> None:
        """Tell the switch every cover again: it may have started anew."""
        self._tell_all = True

    async def run(self) -> None:
        """Work until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                due = loop.time() + TICK_SECONDS
                try:
                    await self._jobs.run(self._tick, WORK_SECONDS, self._connection)
                    for attempt in list(self._untold):
                        self.tell(self._untold.pop(attempt).message())
                except (psycopg2.Error, OSError, TimeoutError) as error:
                    if self.leads:
                        log.warning("the meter is lost", error=str(error).strip())
                    self._drop()
                await asyncio.sleep(max(0.05, due - loop.time()))
        finally:
            self._jobs.close()
            self._drop()

    def _drop(self) -> None:
        """Leave the session, and with it the lead."""
        self.leads, connection, self._connection = False, self._connection, None
        if connection is not None:
            database.cut(connection)

    def _tick(self) -> None:
        """Write down what was told, lead if nobody does, extend; in the thread. Leave what the switch has to hear."""
        if self._connection is None:
            connection = database.connect(self.dsn, f"{self.name} meter", statement_ms=int(WORK_SECONDS * 1000))
            with connection.cursor() as cursor:
                cursor.execute(f"SET idle_session_timeout = {SILENT_MS}")
            # Whoever led did so in another session, which the server may have ended meanwhile.
            self.leads, self._connection = False, connection
        with self._connection.cursor() as cursor:
            self._write(cursor)
            if not self.connected():
                if self.leads:
                    log.info("gives up the meter: the switch does not hear")
                    raise OSError("no switch to tell")
                return
            if not self.leads:
                cursor.execute(LEAD, [LOCK, self.switch])
                (self.leads,) = cursor.fetchone()
                if not self.leads:
                    return
                # What its last leader has extended it may not have told.
                self._tell_all = True
                log.info("leads the meter", switch=self.switch)
            self._untold |= {str(cover.attempt): cover for cover in self._extend(cursor)}

    def _write(self, cursor: Any) -> None:
        if answered := dict(self._answered):
            note_answers(cursor, answered)
            for attempt in answered:
                self._answered.pop(attempt, None)
        if over := list(self._over):
            cursor.execute(OVER, [over])
            self._over.difference_update(over)

    def _extend(self, cursor: Any) -> list[Cover]:
        now = dt.datetime.fromtimestamp(time.time(), dt.UTC)
        values = [self.switch, now, self.horizon, self.quantum, CUT_MARGIN]
        try:
            cursor.execute(EXTEND, values)
        except errors.LockNotAvailable:
            # Somebody holds a balance for long: the calls that need it wait for the next round, and nobody else's.
            cursor.execute(EXTEND_FREE, values)
        if self._tell_all:
            self._tell_all = False
            cursor.execute(LIVE, [self.switch])
        return [Cover(*row) for row in cursor.fetchall()]
