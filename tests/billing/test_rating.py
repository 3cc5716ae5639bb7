"""Rating does what docs/rating.md says, and what an independent slow implementation in fractions says."""

from decimal import Decimal
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.prefixes import PrefixTable
from billing.rating import (
    SECOND,
    Unpriced,
    amount_of,
    charge,
    charge_beyond,
    charged_seconds,
    price_number,
    quantum,
)

DOCUMENT = (Path(__file__).parents[2] / "docs" / "rating.md").read_text()


class Rate(NamedTuple):
    rate_minute: Decimal = Decimal(0)
    rate_call: Decimal = Decimal(0)
    increment: int = 1
    grace: int = 0
    minimal_duration: int = 0
    code: str = ""
    enabled: bool = True


class Mapping(NamedTuple):
    rate_table_id: int
    starts_at: int = 0


def worked_table(column: str) -> list[list[str]]:
    """Return the rows of the document's table that has such a column."""
    tables = [block.splitlines() for block in DOCUMENT.split("\n\n") if block.startswith("|")]
    rows = next(table for table in tables if f" {column} " in table[0])[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def rate_of(cells: list[str]) -> Rate:
    return Rate(Decimal(cells[0]), Decimal(cells[1]), int(cells[2]), int(cells[3]), int(cells[4]))


def microseconds(seconds: str) -> int:
    return int(Decimal(seconds) * SECOND)


@pytest.mark.parametrize("row", worked_table("charged seconds"), ids=lambda row: " ".join(row))
def test_the_worked_table_of_costs(row: list[str]) -> None:
    rate, duration = rate_of(row), microseconds(row[5])
    assert charge(rate, duration) == (int(row[6]), Decimal(row[7]))
    assert charged_seconds(rate, duration) == int(row[6])


@pytest.mark.parametrize("row", worked_table("quantum"), ids=lambda row: " ".join(row))
def test_the_worked_table_of_quanta(row: list[str]) -> None:
    assert quantum(rate_of(row), int(row[5])) == Decimal(row[6])


@pytest.mark.parametrize("row", worked_table("left"), ids=lambda row: " ".join(row))
def test_the_worked_table_of_free_seconds(row: list[str]) -> None:
    cost = charge_beyond(rate_of(row), microseconds(row[5]), int(row[6]))
    assert (cost.free, cost.amount) == (int(row[7]), Decimal(row[8]))


money = st.decimals(-1000, 1000, places=6, allow_nan=False)
rates = st.builds(
    Rate, money, money, st.integers(1, 3600), st.integers(0, 120), st.integers(0, 600), st.just(""), st.just(True)
)
durations = st.one_of(st.integers(-SECOND, 200 * SECOND), st.integers(0, 90_000 * SECOND))


def slow_charge(rate: Rate, duration: int) -> tuple[int, Fraction]:
    """Do the formula of the document word by word, in fractions; the amount in millionths."""
    d = Fraction(duration, SECOND)
    if d <= 0 or d < rate.grace:
        return 0, Fraction(0)
    seconds = (
        rate.minimal_duration + ceil(max(Fraction(0), d - rate.minimal_duration) / rate.increment) * rate.increment
    )
    exact = (Fraction(rate.rate_call) + Fraction(rate.rate_minute) * seconds / 60) * 1_000_000
    whole, rest = divmod(abs(exact), 1)
    rounded = whole + (1 if rest >= Fraction(1, 2) else 0)
    return seconds, -rounded if exact < 0 else Fraction(rounded)


@given(rates, durations)
def test_costs_equal_the_slow_implementation(rate: Rate, duration: int) -> None:
    charged = charge(rate, duration)
    seconds, millionths = slow_charge(rate, duration)
    assert charged.seconds == seconds
    assert Fraction(charged.amount) * 1_000_000 == millionths
    assert charged.amount.as_tuple().exponent == -6


def slow_charge_beyond(rate: Rate, duration: int, left: int) -> tuple[int, int, Fraction]:
    """Do the rules of free seconds word by word: second by second, each paid by the first who can."""
    seconds, due = slow_charge(rate, duration)
    if due == 0 or rate.rate_minute < 0 or rate.rate_call < 0:
        return seconds, 0, due
    free = min(seconds, left)
    if free == seconds:
        return seconds, free, Fraction(0)
    per_second = Fraction(rate.rate_minute) / 60
    exact = (Fraction(rate.rate_call) + sum((per_second for _ in range(seconds - free)), Fraction(0))) * 1_000_000
    return seconds, free, Fraction(int(exact + Fraction(1, 2)))


@settings(max_examples=60)
@given(rates, st.integers(0, 900 * SECOND), st.integers(0, 1000))
def test_costs_beyond_free_seconds_equal_the_slow_implementation(rate: Rate, duration: int, left: int) -> None:
    cost = charge_beyond(rate, duration, left)
    assert (cost.seconds, cost.free, Fraction(cost.amount) * 1_000_000) == slow_charge_beyond(rate, duration, left)
    assert cost.amount <= charge(rate, duration).amount


@given(rates, st.integers(1, 90_000 * SECOND))
def test_charged_seconds_cover_the_call_and_at_most_one_increment_more(rate: Rate, duration: int) -> None:
    seconds = charged_seconds(rate, duration)
    if seconds:
        assert seconds * SECOND >= duration
        assert seconds * SECOND < max(duration, rate.minimal_duration * SECOND) + rate.increment * SECOND
    else:
        assert duration < rate.grace * SECOND


@given(rates, st.integers(0, 100_000))
def test_rounding_is_symmetric_about_zero(rate: Rate, seconds: int) -> None:
    mirrored = rate._replace(rate_minute=-rate.rate_minute, rate_call=-rate.rate_call)
    assert amount_of(mirrored, seconds) == -amount_of(rate, seconds)


@given(rates, st.integers(1, 60 * SECOND))
def test_a_quantum_covers_every_call_of_its_length(rate: Rate, duration: int) -> None:
    rate = rate._replace(rate_minute=abs(rate.rate_minute), rate_call=abs(rate.rate_call))
    assert quantum(rate, 60) >= charge(rate, duration).amount


def product(*entries: tuple[str, Mapping]) -> PrefixTable[tuple[Mapping, ...]]:
    table: PrefixTable[tuple[Mapping, ...]] = PrefixTable()
    for prefix, mapping in entries:
        table.put(prefix, (*(table.get(prefix) or ()), mapping))
    return table


def rate_table(*rows: Rate) -> PrefixTable[Rate]:
    table: PrefixTable[Rate] = PrefixTable()
    for row in rows:
        table.put(row.code, row)
    return table


def test_the_longest_prefix_and_in_its_table_the_longest_code_price_a_number() -> None:
    mappings = product(("", Mapping(1)), ("44", Mapping(2)))
    tables = {1: rate_table(Rate(code="")), 2: rate_table(Rate(code="44"), Rate(code="4420"), Rate(code="44207946"))}
    found = price_number(mappings, tables, "442079460018", 0)
    assert (found.unpriced, found.prefix, found.rate and found.rate.code) == (None, "44", "44207946")


def test_a_table_without_the_number_ends_the_search() -> None:
    mappings = product(("", Mapping(1)), ("44", Mapping(2)))
    tables = {1: rate_table(Rate(code="")), 2: rate_table(Rate(code="441"))}
    assert price_number(mappings, tables, "442079460018", 0).unpriced is Unpriced.NO_RATE


def test_a_disabled_code_blocks_even_under_an_enabled_shorter_one() -> None:
    tables = {1: rate_table(Rate(code="44"), Rate(code="4420", enabled=False))}
    assert price_number(product(("", Mapping(1))), tables, "442079460018", 0).unpriced is Unpriced.BLOCKED


def test_an_enabled_longer_code_opens_what_a_disabled_shorter_one_blocks() -> None:
    tables = {1: rate_table(Rate(code="44", enabled=False), Rate(code="4420"))}
    assert price_number(product(("", Mapping(1))), tables, "442079460018", 0).unpriced is None


def test_a_mapping_not_yet_in_force_is_passed_over_for_a_shorter_one() -> None:
    mappings = product(("", Mapping(1, 0)), ("44", Mapping(2, 1000)))
    tables = {1: rate_table(Rate(code="")), 2: rate_table(Rate(code="44"))}
    assert price_number(mappings, tables, "442079460018", 999).prefix == ""
    assert price_number(mappings, tables, "442079460018", 1000).prefix == "44"


def test_of_one_prefix_the_latest_start_not_after_the_set_up_counts() -> None:
    mappings = product(("44", Mapping(1, 0)), ("44", Mapping(2, 500)), ("44", Mapping(3, 1000)))
    tables = {n: rate_table(Rate(code="44")) for n in (1, 2, 3)}
    chosen = [price_number(mappings, tables, "442079460018", at).mapping for at in (0, 499, 500, 999, 1000)]
    assert [mapping.rate_table_id for mapping in chosen if mapping] == [1, 1, 2, 2, 3]


def test_nothing_in_force_is_no_mapping() -> None:
    assert price_number(product(("44", Mapping(1, 5))), {}, "442079460018", 4).unpriced is Unpriced.NO_MAPPING
    assert price_number(None, {}, "442079460018", 4).unpriced is Unpriced.NO_MAPPING


prefixes = st.text("0123", max_size=4)


def slow_price(
    mappings: list[tuple[str, Mapping]], tables: dict[int, list[Rate]], number: str, at: int
) -> tuple[Unpriced | None, str | None, int | None, str | None]:
    """Do "Which rate" word by word, over plain lists: why not, prefix, table and code."""
    in_force = [(prefix, one) for prefix, one in mappings if number.startswith(prefix) and one.starts_at <= at]
    if not in_force:
        return Unpriced.NO_MAPPING, None, None, None
    longest = max(len(prefix) for prefix, _ in in_force)
    last = max(one.starts_at for prefix, one in in_force if len(prefix) == longest)
    [(prefix, chosen)] = [(p, one) for p, one in in_force if len(p) == longest and one.starts_at == last]
    fitting = [rate for rate in tables.get(chosen.rate_table_id, []) if number.startswith(rate.code)]
    if not fitting:
        return Unpriced.NO_RATE, prefix, chosen.rate_table_id, None
    rate = max(fitting, key=lambda rate: len(rate.code))
    return None if rate.enabled else Unpriced.BLOCKED, prefix, chosen.rate_table_id, rate.code


@given(
    st.dictionaries(st.tuples(prefixes, st.integers(0, 5)), st.integers(1, 3), max_size=8),
    st.dictionaries(st.tuples(st.integers(1, 3), prefixes), st.booleans(), max_size=12),
    st.text("0123", min_size=1, max_size=6),
    st.integers(-1, 6),
)
def test_which_rate_equals_the_slow_implementation(
    starts: dict[tuple[str, int], int], codes: dict[tuple[int, str], bool], number: str, at: int
) -> None:
    listed = [(prefix, Mapping(table, start)) for (prefix, start), table in starts.items()]
    rows: dict[int, list[Rate]] = {}
    for (table, code), enabled in codes.items():
        rows.setdefault(table, []).append(Rate(code=code, enabled=enabled))
    tables = {table: rate_table(*rates) for table, rates in rows.items()}
    found = price_number(product(*listed) if listed else None, tables, number, at)
    assert slow_price(listed, rows, number, at) == (
        found.unpriced,
        found.prefix if found.mapping else None,
        found.mapping.rate_table_id if found.mapping else None,
        found.rate.code if found.rate else None,
    )


@given(st.dictionaries(prefixes, st.integers()), prefixes, st.lists(prefixes), st.text("0123", min_size=1, max_size=6))
def test_longest_prefix_equals_a_scan(entries: dict[str, int], again: str, gone: list[str], number: str) -> None:
    table: PrefixTable[int] = PrefixTable()
    for prefix, value in entries.items():
        table.put(prefix, value)
    table.put(again, 7)
    entries = {**entries, again: 7}
    for prefix in gone:
        table.remove(prefix)
        entries.pop(prefix, None)
    fitting = sorted((p for p in entries if number.startswith(p)), key=len, reverse=True)
    assert [prefix for prefix, _ in table.matches(number)] == fitting
    assert table.longest(number) == (entries[fitting[0]] if fitting else None)
