"""Whether a leg's balance holds the first quantum of a call: asked of PostgreSQL by a bounded pool, or unknown.

Only calls that cost something come here. The question is put where the reservation will be made, so that it
answers for both legs at once; an answer later than the switch waits is worth nothing and stays unknown.
"""

import threading
from typing import Any

import psycopg2
import structlog

from routing.decider import database
from routing.decider.database import Blocking
from routing.decision import Reserve
from routing.loader import load_funds

log = structlog.get_logger(__name__)

THREADS = 4
STATEMENT_MS = 300
ANSWER_SECONDS = 0.6


class FundsDesk:
    """A pool of connections of its own: a slow question never delays configuration or free calls."""

    def __init__(self, name: str, dsn: dict[str, Any]) -> None:
        self.name, self.dsn = name, dsn
        self._jobs = Blocking(f"{name}-funds", THREADS)
        self._local = threading.local()
        self._lock = threading.Lock()
        self._connections: set[Any] = set()

    async def ask(self, attempt_id: str, legs: tuple[Reserve, ...]) -> dict[str, bool | None]:
        """Return by leg whether its funds suffice; None where that could not be found out in time."""
        try:
            return await self._jobs.run(lambda: self._look(legs), ANSWER_SECONDS)
        except (psycopg2.Error, OSError, TimeoutError) as error:
            log.warning("funds unknown", attempt=attempt_id, error=str(error).strip())
            return {leg.leg: None for leg in legs}

    def close(self) -> None:
        """Cut every connection, so that no thread keeps the process from ending."""
        self._jobs.close()
        with self._lock:
            for connection in self._connections:
                database.cut(connection)

    def _look(self, legs: tuple[Reserve, ...]) -> dict[str, bool | None]:
        connection = self._connection()
        try:
            with connection.cursor() as cursor:
                return load_funds(cursor, legs)
        except psycopg2.Error:
            self._drop(connection)
            raise

    def _connection(self) -> Any:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = database.connect(self.dsn, f"{self.name} funds", statement_ms=STATEMENT_MS)
            self._local.connection = connection
            with self._lock:
                self._connections.add(connection)
        return connection

    def _drop(self, connection: Any) -> None:
        self._local.connection = None
        with self._lock:
            self._connections.discard(connection)
        connection.close()
