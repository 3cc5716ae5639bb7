"""Rates as a file that the import reads unchanged: the columns and words of the format (DESIGN)."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from billing.models import Rate

FORMAT = (
    "Code", "Description", "Enabled", "Rate Minute", "Rate Call", "Currency", "Increment", "Grace", "Minimal Duration",
)  # fmt: skip
FIELDS = (
    "code", "description", "enabled", "rate_minute", "rate_call", "increment", "grace", "minimal_duration",
)  # fmt: skip
AT_ONCE = 2_000
# More significant digits than a spreadsheet's number keeps.
EXACT_DIGITS = 15


def exported(rates: QuerySet[Rate], currency: str) -> Iterator[tuple[Any, ...]]:
    """Yield the head and each rate, by code; read by a cursor of the server's, never kept."""
    yield FORMAT
    with transaction.atomic():
        rows = rates.order_by("code").values_list(*FIELDS)
        for code, description, enabled, minute, call, increment, grace, minimum in rows.iterator(chunk_size=AT_ONCE):
            yield (
                code, description, "Enabled" if enabled else "Disabled", _price(minute), _price(call), currency,
                increment, grace, minimum,
            )  # fmt: skip


def _price(amount: Decimal) -> Any:
    digits = len(amount.as_tuple().digits)
    return str(amount) if digits > EXACT_DIGITS else amount
