"""Which mapping, table and rate price a number at an instant, asked of the rows as they stand now."""

import dataclasses
import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

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
class Considered:
    """A mapping or a code that fits the number, and why it applies or another goes before it."""

    row: Any
    applies: bool
    why: str


@dataclasses.dataclass(frozen=True, slots=True)
class FoundPrice:
    """What prices a number: the rows that matched, or why there is no price; and all that were considered."""

    mapping: ProductMapping | None
    table: RateTable | None
    rate: Rate | None
    refusal: str
    mappings: list[Considered]
    codes: list[Considered]

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
        mappings=considered_mappings(rows.values(), mapping, at),
        codes=considered_codes(rates.get(mapping.rate_table_id) if mapping else None, number),
    )


def considered_mappings(
    fitting: Iterable[ProductMapping], chosen: ProductMapping | None, at: dt.datetime
) -> list[Considered]:
    """Return the mappings whose prefix starts the number, the strongest first, and why each applies or does not."""
    ordered = sorted(fitting, key=lambda row: (-len(row.prefix), -row.starts_at.timestamp()))
    return [Considered(row, row == chosen, _why(row, chosen, at)) for row in ordered]


def _why(row: ProductMapping, chosen: ProductMapping | None, at: dt.datetime) -> str:
    if row == chosen:
        return "the longest prefix that has a mapping in force"
    if row.starts_at > at:
        return "not in force yet at that time"
    if chosen is not None and row.prefix == chosen.prefix:
        return "replaced by a mapping of the same prefix that started later"
    return "a longer prefix goes before it"


def considered_codes(rates: PrefixTable[RateRow] | None, number: str) -> list[Considered]:
    """Return the codes of the rate table that start the number, the longest first: only the first one counts."""
    found = [rate for _, rate in rates.matches(number)] if rates is not None else []
    longest = "the longest code that starts the number"
    return [
        Considered(rate, at == 0, (longest if rate.enabled else f"{longest}, and it is disabled: it blocks")
                   if at == 0 else "a longer code goes before it")
        for at, rate in enumerate(found)
    ]  # fmt: skip


def _microseconds(at: dt.datetime) -> int:
    return (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(seconds=1) * SECOND + at.microsecond
