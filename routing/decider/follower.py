"""Follow the database: everything at each connect, then each committed change as its notification comes.

While PostgreSQL is away the state stays as it was and answers go on. Versions follow commit order (see the second
migration), so "what is above mine" misses nothing between two reloads.
"""

import asyncio
import contextlib
import gc
import traceback
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2
import structlog

from routing import disk, loader
from routing.decider import database
from routing.decider.database import Blocking
from routing.decider.judge import State
from routing.snapshot import Change, Policy, Snapshot

log = structlog.get_logger(__name__)

LOAD_SECONDS = 300.0
READ_SECONDS = 10.0
# Notifications make a change count at once; asking every so often covers one that was lost, and a dead connection.
ASK_SECONDS = 2.0
MAX_DELAY = 5.0
# So many changes at once are loaded afresh beside the old configuration instead of holding up calls one by one.
MANY_CHANGES = 20_000
# Longer than two questions about funds take (funds.ANSWER_SECONDS), after which the switch has given up anyway.
RETIRE_SECONDS = 5.0

HA1_COLUMNS = {"MD5": "ha1_md5", "SHA-256": "ha1_sha256"}


class Credential(NamedTuple):
    """What the switch needs to know of an alias; no HA1 where the alias may not register."""

    alias_id: int
    username: str
    ha1: str


class Fresh(NamedTuple):
    """What one look at the database found."""

    version: int
    changes: list[Change]
    credit: dict[int, bool]
    credentials: list[Credential]


class Reload(Exception):
    """The changes cannot be followed one by one."""


class Follower:
    """Keeps a State in step with PostgreSQL.

    ``on_loaded`` gets all credentials after a full load, ``on_changed`` the changed ones with the ids of all aliases
    that changed.
    """

    def __init__(
        self,
        name: str,
        dsn: dict[str, Any],
        state: State,
        policy: Policy,
        saved: Path,
        *,
        algorithm: str,
        on_loaded: Callable[[list[Credential]], None],
        on_changed: Callable[[list[Credential], list[int]], None],
    ) -> None:
        self.name, self.dsn, self.state, self.policy, self.saved = name, dsn, state, policy, saved
        self.ha1 = HA1_COLUMNS[algorithm]
        self.on_loaded, self.on_changed = on_loaded, on_changed
        self.connected = False
        self.loaded = asyncio.Event()
        self._jobs, self._files = Blocking(f"{name}-follow"), Blocking(f"{name}-disk")
        self._listening: Any = None
        self._reading: Any = None
        self._woken = asyncio.Event()
        self._credit: set[int] = set()
        self._lost: Exception | None = None
        self._watched: int | None = None
        self._besides: set[asyncio.Task[None]] = set()

    async def start_from_disk(self) -> None:
        """Begin with the configuration of the last run, if there is one, so that an outage finds us answering."""
        try:
            with _many_objects():
                config, credit = await asyncio.to_thread(disk.load, self.saved, self.policy)
        except disk.NoSnapshot as error:
            log.info("no configuration on disk", reason=str(error))
            return
        self.state.config, self.state.credit = config, credit
        self.loaded.set()
        log.info("configuration from disk", version=config.version)

    async def run(self) -> None:
        """Follow until cancelled; every loss of the connection ends in a full reload."""
        delay = 0.1
        try:
            while True:
                try:
                    await self._connect()
                    delay = 0.1
                    await self._follow()
                except Reload as reason:
                    log.info("reloading the configuration", reason=str(reason))
                except (psycopg2.Error, OSError, TimeoutError, loader.VersionUnknown) as error:
                    log.warning("database lost; answering from memory", error=str(error).strip())
                    await asyncio.sleep(delay)
                    delay = min(delay * 2, MAX_DELAY)
                except Exception as error:  # noqa: BLE001 - a change we cannot read must not end the answers
                    log.error(
                        "a change could not be followed", trace="".join(traceback.format_exception(error))[-4000:]
                    )
                    await asyncio.sleep(delay)
                    delay = min(delay * 2, MAX_DELAY)
                finally:
                    self._disconnect()
        finally:
            self._jobs.close()
            self._files.close()

    async def _connect(self) -> None:
        def open_both() -> tuple[Any, Any]:
            listening = database.connect(self.dsn, f"{self.name} listen", statement_ms=5000)
            with listening.cursor() as cursor:
                cursor.execute("LISTEN config; LISTEN credit")
            return listening, database.connect(self.dsn, f"{self.name} read", statement_ms=int(READ_SECONDS * 1000))

        # LISTEN stands before the load: what is committed in between is then heard of, at worst twice.
        self._listening, self._reading = await self._jobs.run(open_both, READ_SECONDS)
        self._lost = None
        self._credit.clear()
        await self._load()
        self._watched = self._listening.fileno()
        asyncio.get_running_loop().add_reader(self._watched, self._hear)
        self._woken.set()
        self.connected = True

    def _disconnect(self) -> None:
        self.connected = False
        self._stop_watching()
        for connection in (self._listening, self._reading):
            if connection is not None:
                database.cut(connection)
                with contextlib.suppress(psycopg2.Error):
                    connection.close()
        self._listening = self._reading = None

    async def _load(self) -> None:
        connection = await self._jobs.run(
            lambda: database.connect(
                self.dsn, f"{self.name} load", statement_ms=int(LOAD_SECONDS * 1000), autocommit=False
            ),
            READ_SECONDS,
        )

        old = self.state.config

        def load() -> tuple[Snapshot, dict[int, bool], list[Credential]]:
            config = loader.load_snapshot(connection, self.policy, old)
            with connection.cursor() as cursor:
                return config, loader.load_credit(cursor), self._credentials(cursor)

        try:
            with _many_objects():
                config, credit, credentials = await self._jobs.run(load, LOAD_SECONDS, connection)
        finally:
            connection.close()
        self.state.config, self.state.credit = config, credit
        if old is not None:
            self._later(self._retire(old))
        self.loaded.set()
        self.on_loaded(credentials)
        log.info("configuration loaded", version=config.version, dids=len(config.rows["did"]))
        copies = {kind: dict(rows) for kind, rows in config.rows.items()}
        self._to_disk(disk.save, self.saved, config.version, copies, dict(credit))

    async def _follow(self) -> None:
        while True:
            # Not wait_for(): in Python 3.11 it swallows a cancellation that comes with a notification.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ASK_SECONDS):
                    await self._woken.wait()
            self._woken.clear()
            if self._lost is not None:
                raise self._lost
            await self._catch_up()

    def _hear(self) -> None:
        """Take notifications off the listening connection; runs whenever its socket is readable."""
        try:
            self._listening.poll()
            for notification in self._listening.notifies:
                if notification.channel == "credit" and notification.payload.isdigit():
                    self._credit.add(int(notification.payload))
            self._listening.notifies.clear()
        except psycopg2.Error as error:
            self._stop_watching()
            self._lost = error
        self._woken.set()

    def _stop_watching(self) -> None:
        # By the number kept from the start: a connection that its server closed knows its socket no more, and asking
        # it would raise out of the event loop's callback and leave the dead socket watched.
        if self._watched is not None:
            asyncio.get_running_loop().remove_reader(self._watched)
            self._watched = None

    async def _catch_up(self) -> None:
        config = self.state.config
        assert config is not None
        balances, self._credit = self._credit, set()
        try:
            fresh = await self._jobs.run(lambda: self._read(config.version, balances), READ_SECONDS, self._reading)
        except BaseException:
            self._credit |= balances
            raise
        if fresh.credit:
            self.state.credit.update(fresh.credit)
        if fresh.version != config.version:
            config.apply(fresh.changes, fresh.version)
            aliases = [change.row_id for change in fresh.changes if change.kind == "alias"]
            if aliases:
                self.on_changed(fresh.credentials, aliases)
        if fresh.credit or fresh.changes:
            self._to_disk(disk.append, self.saved, fresh.version, fresh.changes, fresh.credit)

    def _read(self, version: int, balances: set[int]) -> Fresh:
        """Ask for what is new; in the thread."""
        with self._reading.cursor() as cursor:
            latest = loader.latest_version(cursor)
            changes: list[Change] = []
            credentials: list[Credential] = []
            if latest < version:
                raise Reload(f"the database is at version {latest}, behind {version}")
            if latest > version:
                cursor.execute(
                    "SELECT count(*) FROM (SELECT 1 FROM routing_configchange WHERE version_id > %s LIMIT %s) c",
                    [version, MANY_CHANGES + 1],
                )
                if cursor.fetchone()[0] > MANY_CHANGES:
                    raise Reload(f"more than {MANY_CHANGES} changes since version {version}")
                changes = loader.changes_between(cursor, version, latest)
                aliases = [change.row_id for change in changes if change.kind == "alias"]
                if aliases:
                    credentials = self._credentials(cursor, aliases)
                # A new carrier's credit is asked for with it: its own notification may come a moment later.
                balances = balances | {
                    change.row.balance_id for change in changes if change.kind == "carrier" and change.row
                }
            credit = loader.load_credit(cursor, list(balances)) if balances else {}
        return Fresh(latest, changes, credit, credentials)

    def _credentials(self, cursor: Any, alias_ids: list[int] | None = None) -> list[Credential]:
        where, parameters = ("AND id = ANY(%s)", [alias_ids]) if alias_ids is not None else ("", [])
        cursor.execute(
            f"SELECT id, username, {self.ha1} FROM accounts_alias WHERE enabled AND {self.ha1} <> '' {where}",  # noqa: S608
            parameters,
        )
        return [Credential(*row) for row in cursor.fetchall()]

    def _to_disk(self, write: Callable[..., None], *arguments: Any) -> None:
        async def later() -> None:
            try:
                await self._files.run(lambda: write(*arguments), LOAD_SECONDS)
            except (OSError, TimeoutError) as error:
                log.error("the configuration could not be kept on disk", error=str(error))

        self._later(later())

    async def _retire(self, old: Snapshot) -> None:
        """Let a replaced configuration go, once no call that waits for funds can still be judged by it."""
        await asyncio.sleep(RETIRE_SECONDS)
        await self._files.run(old.empty, LOAD_SECONDS)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._besides.add(task)
        task.add_done_callback(self._besides.discard)


@contextlib.contextmanager
def _many_objects() -> Iterator[None]:
    """Make millions of rows without the collector of cycles, which holds up every answer while it looks at them all.

    There are no cycles among them, and what stays is nothing it ever has to look at again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
