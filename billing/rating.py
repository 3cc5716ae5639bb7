"""Price a call: pure functions over plain values, no ORM, no clock. docs/rating.md states the algorithm.

Amounts are Decimal with six places, durations integer microseconds (the switch's clock has no finer step), so
that nothing here is ever rounded but the one final amount.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Generic, NamedTuple, Protocol, TypeVar

from billing.prefixes import PrefixTable

SECOND = 1_000_000
NOTHING = Decimal("0.000000")


class RateValues(Protocol):
    """What the formula reads of a rate; times are in seconds."""

    @property
    def rate_minute(self) -> Decimal: ...
    @property
    def rate_call(self) -> Decimal: ...
    @property
    def increment(self) -> int: ...
    @property
    def grace(self) -> int: ...
    @property
    def minimal_duration(self) -> int: ...


class RateRow(RateValues, Protocol):
    """A rate as it stands in a table."""

    @property
    def code(self) -> str: ...
    @property
    def enabled(self) -> bool: ...


class MappingRow(Protocol):
    """One mapping of a product; ``starts_at`` is in microseconds since the epoch."""

    @property
    def rate_table_id(self) -> int: ...
    @property
    def starts_at(self) -> int: ...


class Unpriced(StrEnum):
    """Why a number has no price."""

    NO_MAPPING = "no_mapping"
    NO_RATE = "no_rate"
    BLOCKED = "blocked"


MappingType = TypeVar("MappingType", bound=MappingRow)
RateType = TypeVar("RateType", bound=RateRow)


class Price(NamedTuple, Generic[MappingType, RateType]):
    """The mapping and rate that price a number, or why none does (then with what was found so far)."""

    unpriced: Unpriced | None
    prefix: str = ""
    mapping: MappingType | None = None
    rate: RateType | None = None


class Charge(NamedTuple):
    """What a call costs."""

    seconds: int
    amount: Decimal


class PartCharge(NamedTuple):
    """What a call costs whose first charged seconds, ``free`` of them, cost nothing."""

    seconds: int
    free: int
    amount: Decimal


def charged_seconds(rate: RateValues, duration: int) -> int:
    """Return the seconds billed for ``duration`` µs from answer to BYE: minimum first, then whole increments.

    Zero for an unanswered or zero-second call and within the grace period.
    """
    if duration <= 0 or duration < rate.grace * SECOND:
        return 0
    return rounded_up_seconds(rate, duration)


def rounded_up_seconds(rate: RateValues, duration: int) -> int:
    """Return ``m + ceil(max(0, d - m) / i) * i`` for ``duration`` µs, whatever the grace period."""
    minimum, increment = rate.minimal_duration, rate.increment
    beyond = max(0, duration - minimum * SECOND)
    return minimum + -(-beyond // (increment * SECOND)) * increment


def amount_of(rate: RateValues, seconds: int) -> Decimal:
    """Return ``rate_call + rate_minute * seconds / 60``, rounded once, half away from zero, to six places."""
    # In whole sixtieths of a millionth the sum is exact; the only rounding is the division below.
    sixtieths = int(rate.rate_minute.scaleb(6)) * seconds
    if call := rate.rate_call:
        sixtieths += int(call.scaleb(6)) * 60
    millionths = (2 * abs(sixtieths) + 60) // 120
    return Decimal(-millionths if sixtieths < 0 else millionths).scaleb(-6)


def charge(rate: RateValues, duration: int) -> Charge:
    """Return what a call of ``duration`` µs from answer to BYE costs; zero or less means it was not answered."""
    if duration <= 0 or duration < rate.grace * SECOND:
        return Charge(0, NOTHING)
    seconds = rounded_up_seconds(rate, duration)
    return Charge(seconds, amount_of(rate, seconds))


def charge_beyond(rate: RateValues, duration: int, free: int) -> PartCharge:
    """Return what a call of ``duration`` µs costs where ``free`` charged seconds are left to cover it first.

    Covered wholly it costs nothing; covered partly it pays Rate Call and the rest of the seconds. Nothing is taken
    from the free seconds where the call costs nothing anyway, or where a price is below zero.
    """
    seconds, amount = charge(rate, duration)
    used = min(seconds, free)
    if used <= 0 or amount <= 0 or rate.rate_minute < 0 or rate.rate_call < 0:
        return PartCharge(seconds, 0, amount)
    return PartCharge(seconds, used, amount_beyond(rate, seconds, used))


def amount_beyond(rate: RateValues, seconds: int, free: int) -> Decimal:
    """Return the price of ``seconds`` of which the first ``free`` cost nothing; nothing at all where these are all."""
    return amount_of(rate, seconds - free) if free < seconds else NOTHING


def quantum_seconds(rate: RateValues, seconds: int) -> int:
    """Return the seconds that a quantum pays: those charged for ``seconds``, plus one increment."""
    return rounded_up_seconds(rate, seconds * SECOND) + rate.increment


def quantum(rate: RateValues, seconds: int) -> Decimal:
    """Return the amount to reserve before a call: its price for ``seconds`` plus one increment.

    The switch's cut is inexact by up to a second (SWITCH.md, trap 2), which the extra increment covers; the grace
    period is left out, since a call may outlast it. Nothing where the price is not above zero.
    """
    amount = amount_of(rate, quantum_seconds(rate, seconds))
    return max(amount, NOTHING)


def in_force(mappings: Iterable[MappingType], at: int) -> MappingType | None:
    """Return the mapping with the latest start that is not after ``at`` (µs since the epoch)."""
    found = None
    for mapping in mappings:
        if mapping.starts_at <= at and (found is None or mapping.starts_at > found.starts_at):
            found = mapping
    return found


def price_number(
    mappings: PrefixTable[tuple[MappingType, ...]] | None,
    rates: Mapping[int, PrefixTable[RateType]],
    number: str,
    at: int,
) -> Price[MappingType, RateType]:
    """Return what prices ``number`` (E.164 digits) for a call set up at ``at``.

    The longest prefix with a mapping in force names the rate table; its longest code is the rate. A table that
    lacks the number ends the search: there is no falling back to a shorter mapping.
    """
    for prefix, candidates in mappings.matches(number) if mappings is not None else ():
        mapping = in_force(candidates, at)
        if mapping is None:
            continue
        table = rates.get(mapping.rate_table_id)
        rate = table.longest(number) if table is not None else None
        if rate is None:
            return Price(Unpriced.NO_RATE, prefix, mapping)
        return Price(None if rate.enabled else Unpriced.BLOCKED, prefix, mapping, rate)
    return Price(Unpriced.NO_MAPPING)
