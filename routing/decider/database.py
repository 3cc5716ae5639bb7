"""The decider's PostgreSQL connections: with a thread that may block on one, or driven by the event loop itself.

psycopg2 has no asyncio. A hung server keeps a thread in the kernel and no timeout of the server's own helps, so every
job has a deadline; past it the socket is shut down under the thread, which then fails and is free again.
What a call waits for has no time to change threads twice: its connection is in psycopg2's asynchronous mode.
"""

import asyncio
import contextlib
import os
import select
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Self, TypeVar

import psycopg2
from django.db import connections
from psycopg2.extensions import POLL_OK, POLL_WRITE

Result = TypeVar("Result")

# For each address of the server, as libpq means its own timeout; it has none in asynchronous mode.
CONNECT_SECONDS = 3


def connect(dsn: Mapping[str, Any], name: str, *, statement_ms: int, autocommit: bool = True) -> Any:
    """Return a psycopg2 connection with keepalives, a bounded connect and a statement timeout."""
    connection = psycopg2.connect(**_bounded(dsn, name, statement_ms), connect_timeout=CONNECT_SECONDS)
    connection.autocommit = autocommit
    return connection


def _bounded(dsn: Mapping[str, Any], name: str, statement_ms: int) -> dict[str, Any]:
    """Return what a connection is asked for, so that neither a statement nor a dead peer holds it for long."""
    options = f"{dsn.get('options', '')} -c statement_timeout={statement_ms} -c timezone=UTC"
    return {
        **dsn, "application_name": name, "keepalives": 1, "keepalives_idle": 2, "keepalives_interval": 1,
        "keepalives_count": 3, "tcp_user_timeout": 4000, "options": options.strip(),
    }  # fmt: skip


def connection_parameters() -> dict[str, Any]:
    """Return what psycopg2.connect wants to reach Django's default database, with the TLS and other options set."""
    parameters = connections["default"].get_connection_params()
    ours = {
        "cursor_factory", "connect_timeout", "application_name", "tcp_user_timeout",
        "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
    }  # fmt: skip
    return {name: value for name, value in parameters.items() if name not in ours and value is not None}


def cut(connection: Any) -> None:
    """Shut the connection's socket down, whatever some thread is waiting for on it."""
    with contextlib.suppress(OSError, psycopg2.Error):
        duplicate = socket.socket(fileno=os.dup(connection.fileno()))
        with contextlib.closing(duplicate), contextlib.suppress(OSError):
            duplicate.shutdown(socket.SHUT_RDWR)


class Blocking:
    """Runs blocking jobs on connections, one at a time per thread, each with a deadline."""

    def __init__(self, name: str, threads: int = 1) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, job: Callable[[], Result], seconds: float, connection: Any | None = None) -> Result:
        """Return the job's result; raise TimeoutError past the deadline, having cut ``connection``."""
        future = asyncio.get_running_loop().run_in_executor(self._pool, job)
        # Whoever waits may be cancelled or give up; what the job raises then concerns nobody.
        future.add_done_callback(lambda late: late.cancelled() or late.exception())
        done, _ = await asyncio.wait([future], timeout=seconds)
        if not done:
            if connection is not None:
                cut(connection)
            raise TimeoutError(f"the database gave no answer within {seconds:g} s")
        return future.result()

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class Session:
    """A connection that the event loop drives, one statement at a time, each committed by itself.

    Only opening it has a deadline: whoever cancels a wait for rows has to close the session.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._unwatch: Callable[[], object] | None = None

    @classmethod
    async def open(cls, dsn: Mapping[str, Any], name: str, *, statement_ms: int) -> Self:
        """Return a session that is ready; raise psycopg2.Error or OSError."""
        failed: Exception = OSError("the server has no address")
        for given in await _addresses(_bounded(dsn, name, statement_ms)):
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await cls._opened(given)
            except (psycopg2.Error, OSError) as error:
                failed = error
        raise failed

    @classmethod
    async def _opened(cls, given: dict[str, Any]) -> Self:
        session = cls(psycopg2.connect(**given, async_=True))
        try:
            await session._ready()
        except BaseException:
            session.close()
            raise
        return session

    @property
    def ended(self) -> bool:
        """Whether the server has said something unasked, as it does where it ends; asked between two statements."""
        waiting = select.poll()
        try:
            waiting.register(self._connection.fileno(), select.POLLIN)
        except psycopg2.Error:
            return True
        return bool(waiting.poll(0))

    async def rows(self, statement: str, values: list[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a statement; raise psycopg2.Error."""
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(statement, values)
            await self._ready()
            return cursor.fetchall()

    def close(self) -> None:
        """End it at once, whatever it waits for."""
        # First, since the socket's number may be another's a moment later.
        self._stop_watching()
        with contextlib.suppress(psycopg2.Error):
            self._connection.close()

    async def _ready(self) -> None:
        while (wanted := self._connection.poll()) != POLL_OK:
            # Another one for each wait: libpq may try several addresses.
            descriptor, reached = self._connection.fileno(), self._loop.create_future()
            writes = wanted == POLL_WRITE
            (self._loop.add_writer if writes else self._loop.add_reader)(descriptor, _reach, reached)
            self._unwatch = partial(self._loop.remove_writer if writes else self._loop.remove_reader, descriptor)
            try:
                await reached
            finally:
                self._stop_watching()

    def _stop_watching(self) -> None:
        unwatch, self._unwatch = self._unwatch, None
        if unwatch is not None:
            unwatch()


def _reach(reached: asyncio.Future[None]) -> None:
    if not reached.done():
        reached.set_result(None)


async def _addresses(given: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters for each address in turn; libpq would look them up while the event loop stands still."""
    hosts, ports = str(given.get("host") or "").split(","), str(given.get("port") or "").split(",")
    if hosts == [""] or "hostaddr" in given or len(ports) not in {1, len(hosts)}:
        return [given]
    targets: list[dict[str, Any]] = []
    failed: OSError | None = None
    for place, host in enumerate(hosts):
        one = {**given, "host": host}
        if port := ports[place % len(ports)]:
            one["port"] = port
        if not host or host.startswith(("/", "@")):
            targets.append(one)
            continue
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port or None, type=socket.SOCK_STREAM)
        except OSError as error:
            failed = error
            continue
        # The name stays beside each: a certificate is checked against it.
        targets += [{**one, "hostaddr": address} for address in dict.fromkeys(str(where[0]) for *_, where in found)]
    if failed and not targets:
        raise failed
    return targets
