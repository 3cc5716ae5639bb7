"""What charged calls keep from being deleted: the DIDs they came for, the products and rate tables that priced them."""

from collections.abc import Collection

from django.db import connection

from billing.models import Product, RateTable
from cdr.models import ChargedLeg
from core.keepers import register_keeper
from dids.models import DID

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


def pricing_products(keys: Collection[int]) -> dict[int, str]:
    """Return the products that calls were charged by."""
    return _charged_by("product_id", keys)


def pricing_tables(keys: Collection[int]) -> dict[int, str]:
    """Return the rate tables that calls were charged by."""
    return _charged_by("rate_table_id", keys)


def _charged_by(column: str, keys: Collection[int]) -> dict[int, str]:
    charged = [key for key in keys if ChargedLeg.objects.filter(**{column: key}).exists()]
    return dict.fromkeys(charged, "calls that were charged by it")


def register() -> None:
    """Let deletions ask."""
    register_keeper(DID, charged_dids)
    register_keeper(Product, pricing_products)
    register_keeper(RateTable, pricing_tables)
