"""Which products and rate tables calls were charged by: money refers to these, and they are kept."""

from billing.models import Product, RateTable
from billing.references import register_reference
from cdr.models import ChargedLeg


@register_reference
def charged_calls(row: Product | RateTable) -> str:
    """Say that calls were charged by a row; they are not counted, since there may be millions."""
    column = "product_id" if isinstance(row, Product) else "rate_table_id"
    return "calls that were charged by it" if ChargedLeg.objects.filter(**{column: row.pk}).exists() else ""
