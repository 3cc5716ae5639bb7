"""Keep DIDs that calls were charged for from being deleted."""

from collections.abc import Collection

from django.db import connection

from dids.keepers import register_keeper

# One charged call is enough: nobody needs their number, and a busy DID has hundreds of thousands.
CHARGED = """
SELECT d.id FROM unnest(%s::bigint[]) AS d (id) WHERE EXISTS (
    SELECT 1 FROM cdr_cdr c JOIN cdr_chargedleg l ON l.attempt_id = c.attempt_id
    WHERE c.did_id = d.id AND l.amount <> 0
)
"""


def charged_dids(did_ids: Collection[int]) -> dict[int, str]:
    """Return the DIDs to which calls came that cost somebody something."""
    with connection.cursor() as cursor:
        cursor.execute(CHARGED, [list(did_ids)])
        return {row[0]: "calls that were charged" for row in cursor.fetchall()}


def register() -> None:
    """Let deletions of DIDs ask."""
    register_keeper(charged_dids)
