"""Which mapping, table and rate price a number at an instant, asked of the rows as they stand now."""

import dataclasses
import datetime as dt
from decimal import Decimal

from billing.models import Product, ProductMapping, Rate, RateTable
from billing.prefixes import PrefixTable
from billing.rating import SECOND, MappingRow, RateRow, Unpriced, price_number

EXPLAINED = {
    Unpriced.NO_MAPPING: "No mapping of this product fits the number at that time: the call is refused (no_rate).",
    Unpriced.NO_RATE: "The rate table has no code for this number: the call is refused (no_rate). "
    "There is no falling back to a shorter mapping.",
    Unpriced.BLOCKED: "The code is disabled: the call is refused (destination_blocked).",
}


@dataclasses.dataclass(frozen=True, slots=True)
class _Mapping:
    """A mapping as the pure function reads it: its start in microseconds."""

    pk: int
    rate_table_id: int
    starts_at: int


@dataclasses.dataclass(frozen=True, slots=True)
class FoundPrice:
    """What prices a number: the rows that matched, or why there is no price."""

    mapping: ProductMapping | None
    table: RateTable | None
    rate: Rate | None
    refusal: str

    @property
    def free(self) -> bool:
        """Whether the rate charges nothing."""
        return self.rate is not None and self.rate.rate_minute == self.rate.rate_call == Decimal(0)


def find_price(product: Product, number: str, at: dt.datetime) -> FoundPrice:
    """Return what prices E.164 digits ``number`` for a call set up at ``at``.

    Only rows whose prefix starts the number are read; billing.rating decides among them, as it does for real calls.
    """
    prefixes = [number[:length] for length in range(len(number) + 1)]
    rows = {row.pk: row for row in product.mappings.filter(prefix__in=prefixes).select_related("rate_table")}
    grouped: dict[str, list[_Mapping]] = {}
    for row in rows.values():
        starts_at = _microseconds(row.starts_at)
        grouped.setdefault(row.prefix, []).append(_Mapping(row.pk, row.rate_table_id, starts_at))
    mappings: PrefixTable[tuple[MappingRow, ...]] = PrefixTable()
    for prefix, candidates in grouped.items():
        mappings.put(prefix, tuple(candidates))
    rates: dict[int, PrefixTable[RateRow]] = {}
    for rate in Rate.objects.filter(table__in={row.rate_table_id for row in rows.values()}, code__in=prefixes):
        rates.setdefault(rate.table_id, PrefixTable()).put(rate.code, rate)
    price = price_number(mappings, rates, number, _microseconds(at))
    mapping = rows[price.mapping.pk] if isinstance(price.mapping, _Mapping) else None
    return FoundPrice(
        mapping=mapping,
        table=mapping.rate_table if mapping else None,
        rate=price.rate if isinstance(price.rate, Rate) else None,
        refusal=EXPLAINED[price.unpriced] if price.unpriced else "",
    )


def _microseconds(at: dt.datetime) -> int:
    return (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(seconds=1) * SECOND + at.microsecond
