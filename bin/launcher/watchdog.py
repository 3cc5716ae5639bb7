"""Notice a process that hangs, not only one that dies: restart it, and say in System Log what was started again.

A process that beats is asked for by its heartbeat, others by the question they are there to answer. Who needs the
database is judged only while the database answers, and for as long as it has.
"""

import os
import select
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg2
import psycopg2.extensions
import redis

from . import health
from .errors import StartError
from .say import say
from .supervise import Supervisor

LOOK_SECONDS = 2.0
# Of a hung database the disk is to blame more often than the server; and killing it costs a recovery.
DATABASE_FACTOR = 4
GRACE_SECONDS = 30.0
MAX_NOTES = 100
LATELY = "beat_at > now() - interval '1 day'"
BEATS = f"SELECT name, extract(epoch FROM now() - beat_at)::float FROM core_heartbeat WHERE {LATELY}"
NOTE = (
    "INSERT INTO syslog_logentry (at, category, severity, reason, message, refs, number, call_id) "
    "VALUES (to_timestamp(%s), 'switch', %s, %s, %s, '[]', '', '')"
)

# True: it works. False: it is silent. None: that cannot be told.
Sign = bool | None


def hang_seconds() -> float:
    """Return after how many seconds of silence a process is restarted; 0: never."""
    value = os.environ.get("HANG_SECONDS") or "15"
    if not value.isdigit():
        raise StartError(f"HANG_SECONDS={value}: must be a number of seconds, or 0 for never")
    return float(value)


def ask(url: str, query: str, parameters: tuple[Any, ...] = (), patience: float = 3.0) -> list[tuple[Any, ...]]:
    """Return the rows of a query; raise TimeoutError where the server does not answer, though it may be there."""
    deadline = time.monotonic() + patience
    connection = psycopg2.connect(url, async_=1)
    try:
        _wait(connection, deadline)
        cursor = connection.cursor()
        cursor.execute(query, parameters)
        _wait(connection, deadline)
        return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def _wait(connection: Any, deadline: float) -> None:
    while (state := connection.poll()) != psycopg2.extensions.POLL_OK:
        reading = [connection] if state == psycopg2.extensions.POLL_READ else []
        writing = [] if reading else [connection]
        if not any(select.select(reading, writing, [], max(0.0, deadline - time.monotonic()))):
            raise TimeoutError("the database gives no answer")


def redis_sign(url: str) -> Sign:
    """Tell whether a Redis server answers; one that refuses, or loads its data, does not hang."""
    with redis.Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3) as client:
        try:
            return bool(client.ping())
        except redis.TimeoutError:
            return False
        except redis.RedisError:
            return None


@dataclass
class Watchdog:
    """Looks after the programs of one supervisor in a thread of its own.

    ``beats`` names programs' heartbeats, ``probes`` asks programs that need the database, ``servers`` those that do
    not.
    """

    supervisor: Supervisor
    database_url: str
    beats: Mapping[str, str] = field(default_factory=dict)
    probes: Mapping[str, Callable[[], Sign]] = field(default_factory=dict)
    servers: Mapping[str, Callable[[], Sign]] = field(default_factory=dict)
    patience: float = field(default_factory=hang_seconds)

    def __post_init__(self) -> None:
        self._silent: dict[str, float] = {}
        self._pids: dict[str, int] = {}
        self._notes: list[tuple[float, str, str, str]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def __enter__(self) -> "Watchdog":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 a look that fails must not be the last
                say(f"voipbilling: the watchdog could not look: {error}")

    def look(self) -> None:
        """Ask everyone once, restart who has been silent for too long, note what was started again."""
        if not self.supervisor.answers():
            return
        states = self.supervisor.states()
        self._note_new_processes(states)
        for name, sign in self._signs().items():
            info = states.get(name)
            if not info or info["statename"] != "RUNNING" or time.time() - info["start"] < GRACE_SECONDS:
                self._silent.pop(name, None)
                continue
            self._judge(name, sign)
        self._write_notes()

    def _judge(self, name: str, sign: Sign) -> None:
        if sign is not False:
            self._silent.pop(name, None)
            return
        since = self._silent.setdefault(name, time.monotonic())
        silent = time.monotonic() - since
        if self.patience and silent >= self.patience * (DATABASE_FACTOR if name == "postgres" else 1):
            self._restart(name, silent)

    def _restart(self, name: str, silent: float) -> None:
        self._silent.pop(name, None)
        words = f"Process {name} gave no sign of life for {silent:.0f} s and is killed and started again."
        say(f"voipbilling: {words}")
        self._note("error", "process_hung", words)
        self._pids[name] = -1  # The next look finds another one; that is not news.
        self.supervisor.kill(name)

    def _signs(self) -> dict[str, Sign]:
        signs: dict[str, Sign] = {name: probe() for name, probe in self.servers.items()}
        ages = self._ages()
        signs["postgres"] = None if ages is None else bool(ages)
        for name, beat in self.beats.items():
            age = ages.get(beat) if ages else None
            signs[name] = None if not ages else age is not None and age < health.HEARTBEAT_SECONDS
        for name, probe in self.probes.items():
            signs[name] = probe() if ages else None
        return signs

    def _ages(self) -> dict[str, float] | None:
        """Return the age of each heartbeat; nothing where the database hangs, None where it refuses."""
        try:
            return {"": 0.0, **dict(ask(self.database_url, BEATS))}
        except TimeoutError:
            return {}
        except psycopg2.Error:
            return None

    def _note_new_processes(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        for name, info in states.items():
            pid, before = int(info["pid"]), self._pids.get(name, 0)
            if pid and before > 0 and pid != before:
                self._note("warning", "process_restarted", f"Process {name} ended and was started again.")
            if pid:
                self._pids[name] = pid

    def _note(self, severity: str, reason: str, message: str) -> None:
        if len(self._notes) < MAX_NOTES:
            self._notes.append((time.time(), severity, reason, message))

    def _write_notes(self) -> None:
        while self._notes:
            try:
                ask(self.database_url, NOTE, self._notes[0])
            except (psycopg2.Error, TimeoutError):
                return  # They wait for it.
            del self._notes[0]
