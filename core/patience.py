"""Queries that may take a moment and no longer."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2.errors
from django.db import OperationalError, connection, transaction


class OutOfPatience(Exception):
    """A statement took longer than it may."""


@contextmanager
def patience(milliseconds: int) -> Iterator[None]:
    """Let each statement of the block take so long; raise OutOfPatience, and roll the block back, where one does."""
    try:
        with transaction.atomic():
            was = _set_timeout(f"{milliseconds}ms")
            yield
            _set_timeout(was)
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg2.errors.QueryCanceled):
            raise OutOfPatience from error
        raise


def _set_timeout(value: str) -> str:
    """Set the time-out until the transaction ends, and return what it was."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('statement_timeout'), set_config('statement_timeout', %s, true)",
            [value],
        )
        return str(cursor.fetchone()[0])
