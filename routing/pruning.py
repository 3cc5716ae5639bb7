"""Let go of configuration history that no follower and no judgement of an event needs any more.

Of each row the newest body up to the oldest version kept stays: from it every later version can be rebuilt. What is
older is gone, and its versions are marked, so that a judgement that asks for one is told so (loader.VersionPruned).
"""

import datetime as dt

from django.db import connection

BATCH = 20_000
SUPERSEDED = """
DELETE FROM routing_configchange WHERE id IN (
    SELECT c.id FROM routing_configchange c WHERE c.version_id < %(oldest)s AND (c.body IS NULL OR EXISTS (
        SELECT FROM routing_configchange n WHERE n.kind = c.kind AND n.row_id = c.row_id
        AND n.version_id <= %(oldest)s AND (n.version_id, n.id) > (c.version_id, c.id)
    )) ORDER BY c.id LIMIT %(batch)s)
"""
EMPTY = """
DELETE FROM routing_configversion WHERE id IN (
    SELECT v.id FROM routing_configversion v WHERE v.id < %(floor)s AND v.pruned
    AND NOT EXISTS (SELECT FROM routing_configchange c WHERE c.version_id = v.id) ORDER BY v.id LIMIT %(batch)s)
"""


def prune_config_history(now: dt.datetime, keep: dt.timedelta) -> int:
    """Forget what was superseded longer ago than that; return how many bodies.

    In pieces, each a transaction of its own, so that no change of the configuration waits.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM routing_configversion WHERE at < %s", [now - keep])
        oldest = cursor.fetchone()[0]
        if oldest is None:
            return 0
        # First the mark: nobody may build a version out of a history that is half gone.
        cursor.execute("UPDATE routing_configversion SET pruned = true WHERE id < %s AND NOT pruned", [oldest])
    pruned = _in_pieces(SUPERSEDED, {"oldest": oldest})
    # The newest pruned version stays as the mark of how far the history reaches.
    _in_pieces(EMPTY, {"floor": oldest - 1})
    return pruned


def _in_pieces(statement: str, values: dict[str, int]) -> int:
    gone = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(statement, {**values, "batch": BATCH})
            gone += cursor.rowcount
            if cursor.rowcount < BATCH:
                return gone
