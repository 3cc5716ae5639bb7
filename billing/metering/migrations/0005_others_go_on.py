"""Answer for everybody else where somebody holds one balance for long: their calls are not kept waiting.

Locks are waited for as before, but not for long. Who finds that one cannot be had asks the other functions, which take
what can be had at once: calls that need a balance or free seconds which somebody holds are left out of the answers, or
of this round of extensions. Functions of their own, since an exception block would make each lock a subtransaction's.
"""

from importlib import import_module

from django.db import migrations

reserving = import_module("billing.metering.migrations.0004_once_per_balance")
extending = import_module("billing.metering.migrations.0003_free_seconds")


def changed(function: str, *changes: tuple[str, str]) -> str:
    """Return the text of a function with parts of it exchanged, each of which stands in it once."""
    for before, after in changes:
        assert function.count(before) == 1, before
        function = function.replace(before, after)
    return function


def part(function: str, first: str, last: str) -> str:
    """Return the text from ``first`` to the end of ``last``."""
    start = function.index(first)
    return function[start : function.index(last, start) + len(last)]


PLAN = "SET enable_seqscan = off AS $$"
RESERVE = changed(reserving.RESERVE, (PLAN, "SET enable_seqscan = off SET lock_timeout = '150ms' AS $$"))
RESERVE_FREE = changed(
    RESERVE,
    ("FUNCTION metering_reserve(", "FUNCTION metering_reserve_free("),
    ("    balances bigint[];\n", "    balances bigint[];\n    busy bigint[];\n    busy_free text[] := '{}';\n"),
    (
        "        FOR NO KEY UPDATE;\n",
        """        FOR NO KEY UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            busy_free := busy_free || concat_ws('/', b.account_id, b.did_id, b.month);
        END IF;
""",
    ),
    ("    SELECT array_agg(k.id), array_agg(", "    busy := balances;\n    SELECT array_agg(k.id), array_agg("),
    (
        "ORDER BY b.id FOR NO KEY UPDATE\n    ) k;\n",
        """ORDER BY b.id FOR NO KEY UPDATE SKIP LOCKED
    ) k;
    SELECT array_agg(b.id) INTO busy FROM billing_balance b
    WHERE b.id = ANY(busy) AND (balances IS NULL OR b.id <> ALL(balances));
""",
    ),
    (
        "            CONTINUE;\n        END IF;\n        refused := false;\n",
        """            CONTINUE;
        END IF;
        CONTINUE WHEN EXISTS (
            SELECT FROM jsonb_array_elements(asked->'legs') e
            WHERE (e->>'balance')::bigint = ANY(busy) OR concat_ws(
                '/', (e->'free'->>'account')::bigint, (e->'free'->>'did')::bigint, (e->'free'->>'month')::date
            ) = ANY(busy_free)
        );
        refused := false;
""",
    ),
)

EXTEND = changed(extending.EXTEND, (PLAN, "SET enable_seqscan = off SET lock_timeout = '500ms' AS $$"))
EXTEND_FREE = changed(
    EXTEND,
    ("FUNCTION metering_extend(", "FUNCTION metering_extend_free("),
    ("metering_extend.lacking", "metering_extend_free.lacking"),
    ("    due uuid[];\n", "    due uuid[];\n    buckets bigint[];\n    balances bigint[];\n"),
    (
        part(extending.EXTEND, "    PERFORM 1 FROM billing_freeseconds f", "    )) ORDER BY b.id FOR NO KEY UPDATE;\n"),
        """
    SELECT array_agg(k.id) INTO buckets FROM (
        SELECT f.id FROM billing_freeseconds f WHERE f.id = ANY(ARRAY(
            SELECT r.bucket_id FROM billing_reservation r
            WHERE r.attempt_id = ANY(due) AND r.state = 'held' AND r.bucket_id IS NOT NULL
        )) ORDER BY f.account_id, f.did_id, f.month FOR NO KEY UPDATE SKIP LOCKED
    ) k;
    SELECT array_agg(k.id) INTO balances FROM (
        SELECT b.id FROM billing_balance b WHERE b.id = ANY(ARRAY(
            SELECT r.balance_id FROM billing_reservation r WHERE r.attempt_id = ANY(due) AND r.state = 'held'
        )) ORDER BY b.id FOR NO KEY UPDATE SKIP LOCKED
    ) k;
    SELECT array_agg(d) INTO due FROM unnest(due) AS d WHERE NOT EXISTS (
        SELECT FROM billing_reservation r WHERE r.attempt_id = d AND r.state = 'held' AND (
            array_position(balances, r.balance_id) IS NULL
            OR (r.bucket_id IS NOT NULL AND array_position(buckets, r.bucket_id) IS NULL)
        )
    );
""",
    ),
)
BACK = "DROP FUNCTION metering_extend_free;\nDROP FUNCTION metering_reserve_free;\n"


class Migration(migrations.Migration):
    dependencies = [("metering", "0004_once_per_balance")]

    operations = [
        migrations.RunSQL(RESERVE + RESERVE_FREE + EXTEND + EXTEND_FREE, BACK + reserving.RESERVE + extending.EXTEND)
    ]
