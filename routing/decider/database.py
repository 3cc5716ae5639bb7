"""One PostgreSQL connection of the decider and the thread that may block on it.

psycopg2 has no asyncio. A hung server keeps a thread in the kernel and no timeout of the server's own helps, so every
job has a deadline; past it the socket is shut down under the thread, which then fails and is free again.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import psycopg2
import psycopg2.extensions
from django.db import connections

Result = TypeVar("Result")


def connect(dsn: Mapping[str, Any], name: str, *, statement_ms: int, autocommit: bool = True) -> Any:
    """Return a psycopg2 connection with keepalives, a bounded connect and a statement timeout."""
    given = dict(dsn)
    options = f"{given.pop('options', '')} -c statement_timeout={statement_ms} -c timezone=UTC"
    connection = psycopg2.connect(
        **given,
        application_name=name,
        connect_timeout=3,
        keepalives=1,
        keepalives_idle=2,
        keepalives_interval=1,
        keepalives_count=3,
        tcp_user_timeout=4000,
        options=options.strip(),
    )
    connection.autocommit = autocommit
    return connection


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
