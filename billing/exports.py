"""Rates as a file that the import reads unchanged."""

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from billing.models import Rate
from billing.rate_fields import AMOUNTS, FORMAT, RATE_FIELDS

AT_ONCE = 2_000
# More significant digits than a spreadsheet's number keeps.
EXACT_DIGITS = 15


def exported(rates: QuerySet[Rate], currency: str) -> Iterator[tuple[Any, ...]]:
    """Yield the head and each rate, by code; read by a cursor of the server's, never kept."""
    yield tuple(FORMAT.values())
    with transaction.atomic():
        for rate in rates.order_by("code").values(*RATE_FIELDS).iterator(chunk_size=AT_ONCE):
            rate["currency"] = currency
            yield tuple(_cell(name, rate[name]) for name in FORMAT)


def _cell(name: str, value: Any) -> Any:
    if name == "enabled":
        return "Enabled" if value else "Disabled"
    if name in AMOUNTS and len(value.as_tuple().digits) > EXACT_DIGITS:
        return str(value)
    return value
