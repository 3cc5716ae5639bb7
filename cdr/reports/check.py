"""Prove that the roll-up equals the calls and charges it is made of, and name each difference."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from cdr.reports.rollup import ROLLUPS, Rollup, values_for

MOST_NAMED = 100


@dataclass(frozen=True)
class Difference:
    """One row of a day that is not what its calls say; None where there is no such row."""

    day: dt.date
    table: str
    key: dict[str, Any]
    rolled_up: dict[str, Any] | None
    recorded: dict[str, Any] | None

    def __str__(self) -> str:
        parties = ", ".join(f"{name} {value}" for name, value in self.key.items() if value is not None) or "no party"
        both = f"{_words(self.rolled_up)} rolled up, {_words(self.recorded)} by the calls"
        return f"{self.day}, {self.table}, {parties}: {both}"


def _words(sums: dict[str, Any] | None) -> str:
    return "nothing" if sums is None else " ".join(f"{name}={value}" for name, value in sums.items())


def check_day(day: dt.date) -> list[Difference]:
    """Compare one business day; one that is marked is about to be made anew, and has no difference."""
    return [difference for rollup in ROLLUPS for difference in _compare(rollup, day)]


def check_days(days: Iterable[dt.date]) -> list[Difference]:
    """Compare business days and return at most MOST_NAMED differences."""
    found: list[Difference] = []
    for day in days:
        found.extend(check_day(day))
        if len(found) >= MOST_NAMED:
            break
    return found[:MOST_NAMED]


def _compare(rollup: Rollup, day: dt.date) -> list[Difference]:
    """Compare in one statement, so that calls, roll-up and marks are seen at the same instant."""
    key, sums = rollup.key, rollup.sums
    same = rollup.same
    statement = f"""
WITH fresh AS MATERIALIZED ({rollup.source}),
old AS MATERIALIZED (SELECT {", ".join((*key, *sums))} FROM {rollup.table} WHERE day = %(day)s),
compared AS (
    SELECT {", ".join(f"fresh.{name}" for name in key)},
        old.{sums[0]} IS NULL AS lacks_old, false AS lacks_fresh,
        {", ".join(f"old.{name} AS old_{name}, fresh.{name} AS fresh_{name}" for name in sums)}
    FROM fresh LEFT JOIN old ON {same}
    WHERE ({", ".join(f"old.{name}" for name in sums)}) IS DISTINCT FROM ({", ".join(f"fresh.{name}" for name in sums)})
    UNION ALL
    SELECT {", ".join(f"old.{name}" for name in key)}, false, true,
        {", ".join(f"old.{name}, NULL" for name in sums)}
    FROM old WHERE NOT EXISTS (SELECT FROM fresh WHERE {same})
)
SELECT * FROM compared
WHERE NOT EXISTS (SELECT FROM reports_mark WHERE at >= %(first)s AND at < %(next)s)
LIMIT {MOST_NAMED}
"""  # noqa: S608 - the names are those of our own tables
    with connection.cursor() as cursor:
        cursor.execute(statement, values_for(day))
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [
        Difference(
            day,
            rollup.table.removeprefix("reports_"),
            {name: row[name] for name in key},
            None if row["lacks_old"] else {name: row[f"old_{name}"] for name in sums},
            None if row["lacks_fresh"] else {name: row[f"fresh_{name}"] for name in sums},
        )
        for row in rows
    ]
