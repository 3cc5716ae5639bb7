"""Insert many rows by one statement with one parameter: a JSON document that PostgreSQL reads as rows of the table.

Of a VALUES list, PostgreSQL parses and plans each value and psycopg2 quotes it: 500 CDRs took eight times as long.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from django.db import connection
from django.db.models import Model


def _default(value: object) -> object:
    """Return what JSON has of a value that orjson leaves to us: a named tuple is a list, anything else its text."""
    return list(value) if isinstance(value, tuple) else str(value)


def insert_rows(
    model: type[Model],
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    *,
    conflict: str = "",
    returning: str = "",
) -> list[tuple[Any, ...]]:
    """Insert rows given by column name, all with these columns, and return what ``returning`` names.

    Objects of JSON columns have keys of ``str`` itself and integers of 64 bits, or TypeError is raised; NaN is null.
    ``conflict`` is the whole ON CONFLICT clause. All three texts must come from the code, never from a request.
    """
    values = list(rows)
    if not values:
        return []
    table, names = model._meta.db_table, ", ".join(f'"{name}"' for name in columns)
    statement = (
        f'INSERT INTO "{table}" ({names}) SELECT {names} '  # noqa: S608 - names are those of our own models
        f'FROM json_populate_recordset(NULL::"{table}", %s) {conflict}'
    )
    if returning:
        statement += f" RETURNING {returning}"
    with connection.cursor() as cursor:
        # Times, UUIDs and amounts read the same in JSON strings as in SQL literals.
        cursor.execute(statement, [orjson.dumps(values, default=_default).decode()])
        return cursor.fetchall() if returning else []
