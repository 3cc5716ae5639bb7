"""Fill a snapshot from PostgreSQL, and find the changes that lead from one configuration version to another.

Works on a bare psycopg2 connection, so that the decider needs neither Django's connection handling nor its ORM.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from routing.decision import Reserve
from routing.rows import KINDS, Kind
from routing.snapshot import Change, Policy, Snapshot

BATCH = 10_000


class VersionUnknown(LookupError):
    """The history does not reach to the version asked for."""


class VersionPruned(VersionUnknown):
    """The history did reach to the version asked for, and is kept no longer (routing.pruning)."""


def load_snapshot(connection: Any, policy: Policy, known: Snapshot | None = None) -> Snapshot:
    """Return the configuration as committed now; every table is read in one REPEATABLE READ transaction.

    ``connection`` is psycopg2's, not in autocommit mode and with no transaction open. Rows that ``known`` holds as they
    are, are taken from there, so that two snapshots of a million rows are hardly larger than one; ``known`` may not be
    changed after that.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return read_snapshot(connection, policy, known)
    finally:
        connection.rollback()


def read_snapshot(connection: Any, policy: Policy, known: Snapshot | None = None) -> Snapshot:
    """Return what the tables hold in the transaction that is open, which gives it whatever consistency it has."""
    config = Snapshot(policy)
    shared: dict[Any, Any] = {}
    with connection.cursor() as cursor:
        config.version = latest_version(cursor)
        for kind in KINDS.values():
            same = known.rows[kind.name] if known else {}
            config.fill(kind.name, _table_rows(cursor, kind, shared.setdefault, same), known)
    return config


def _table_rows(cursor: Any, kind: Kind, share: Callable[[Any, Any], Any], same: Mapping[int, Any]) -> Iterator[Any]:
    # Equal ids of carriers and aliases, and equal versions, are kept once: most rows share theirs.
    shared = kind.shared
    query = f"SELECT {', '.join(kind.selects)} FROM {kind.table} t WHERE t.id > %s ORDER BY t.id LIMIT %s"  # noqa: S608
    last = 0
    while True:
        # In portions by id: a million rows are not to stand in memory twice.
        cursor.execute(query, [last, BATCH])
        rows = cursor.fetchall()
        if not rows:
            return
        # The version of a row is that of its last change.
        cursor.execute(
            "SELECT row_id, max(version_id) FROM routing_configchange "
            "WHERE kind = %s AND row_id BETWEEN %s AND %s GROUP BY row_id",
            [kind.name, rows[0][0], rows[-1][0]],
        )
        versions = dict(cursor.fetchall())
        for row in rows:
            values = list(row)
            for at in shared:
                values[at] = share(values[at], values[at])
            version = versions.get(values[0], 0)
            made = kind.build(values, share(version, version))
            held = same.get(made.id)
            yield held if held == made else made
        last = rows[-1][0]


def latest_version(cursor: Any) -> int:
    """Return the newest committed version; version order is commit order (routing's second migration)."""
    cursor.execute("SELECT coalesce(max(id), 0) FROM routing_configversion")
    return cursor.fetchone()[0]


def changes_between(cursor: Any, current: int, target: int) -> list[Change]:
    """Return what turns the configuration of version ``current`` into that of ``target``, later or earlier.

    Each row that changed in between becomes what it was in ``target``. Raises VersionUnknown where the history does
    not hold the target.
    """
    if current == target:
        return []
    low, high = min(current, target), max(current, target)
    _require_known(cursor, low, high)
    cursor.execute(
        "SELECT t.kind, t.row_id, b.version_id, b.body::text FROM "
        "(SELECT DISTINCT kind, row_id FROM routing_configchange WHERE version_id > %s AND version_id <= %s) t "
        "LEFT JOIN LATERAL (SELECT version_id, body FROM routing_configchange c "
        "WHERE c.kind = t.kind AND c.row_id = t.row_id AND c.version_id <= %s "
        "ORDER BY version_id DESC, id DESC LIMIT 1) b ON true",
        [low, high, target],
    )
    return [parse_change(*row) for row in cursor.fetchall() if row[0] in KINDS]


def _require_known(cursor: Any, low: int, high: int) -> None:
    """Raise VersionPruned or VersionUnknown unless the history leads from one version to the other."""
    cursor.execute(
        "SELECT count(*) FILTER (WHERE NOT pruned), "
        "coalesce((SELECT max(id) FROM routing_configversion WHERE pruned), 0) "
        "FROM routing_configversion WHERE id = ANY(%s)",
        [[low, high]],
    )
    known, pruned = cursor.fetchone()
    # Version 0 is the empty configuration before all others.
    if low <= pruned and pruned:
        raise VersionPruned(f"the history is kept from version {pruned + 1} on; {low} is older")
    if known < (2 if low else 1):
        raise VersionUnknown(f"version {low} or {high} is not in the history")


def parse_change(kind: str, row_id: int, version: int | None, body: str | None) -> Change:
    """Return one change from its stored body; none means the row does not exist in that version."""
    if body is None or version is None:
        return Change(kind, row_id, None)
    return Change(kind, row_id, KINDS[kind].build_from_body(json.loads(body, parse_float=Decimal), version))


def load_credit(cursor: Any, balance_ids: list[int] | None = None) -> dict[int, bool]:
    """Return by balance whether balance + credit limit is above zero; of all balances or of those named."""
    where, parameters = ("WHERE id = ANY(%s)", [balance_ids]) if balance_ids is not None else ("", [])
    cursor.execute(f"SELECT id, amount + credit_limit > 0 FROM billing_balance {where}", parameters)  # noqa: S608
    return dict(cursor.fetchall())


# As metering_reserve() does it, without setting anything aside.
FUNDS = """
SELECT l.leg, n.need, t.seconds, n.free,
    coalesce(b.currency = l.currency AND (n.need = 0 OR b.amount + b.credit_limit - b.reserved >= n.need), false)
FROM jsonb_to_recordset(%s::jsonb) AS l (
    leg text, balance bigint, currency text, minute numeric, call numeric, increment integer, minimal integer,
    free jsonb
)
LEFT JOIN billing_balance b ON b.id = l.balance
LEFT JOIN billing_freeseconds f ON f.account_id = (l.free->>'account')::bigint
    AND f.did_id IS NOT DISTINCT FROM (l.free->>'did')::bigint AND f.month = (l.free->>'month')::date,
LATERAL (SELECT metering_rounded(%s, l.minimal, l.increment) + l.increment AS seconds) t,
LATERAL (
    SELECT least(
        t.seconds,
        greatest(0, coalesce((l.free->>'granted')::integer, 0) - coalesce(f.used, 0) - coalesce(f.held, 0))
    ) AS left
) g,
LATERAL (SELECT CASE WHEN l.minute <= 0 AND g.left < t.seconds THEN 0 ELSE g.left END AS free) u,
LATERAL (
    SELECT u.free, metering_due(l.call, l.minute, l.minimal, l.increment, t.seconds, u.free) AS need
) n
"""


class LegFunds(NamedTuple):
    """What would be set aside for a leg now, and whether there is that much."""

    amount: Decimal
    seconds: int
    free_seconds: int
    enough: bool


def load_funds(cursor: Any, legs: Iterable[Reserve], quantum: int) -> dict[str, LegFunds]:
    """Return by leg what a call of so many seconds would have set aside, free seconds and what is held counted in.

    Nothing where a rate's steps are beyond reckoning: a decider does not know then either.
    """
    legs = list(legs)
    if not all(leg.reckonable for leg in legs):
        return {}
    cursor.execute(FUNDS, [json.dumps([leg.priced() for leg in legs]), quantum])
    return {leg: LegFunds(*found) for leg, *found in cursor.fetchall()}
