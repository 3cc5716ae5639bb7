"""Print how many calls one core rates a second: `python -m bench.rate --codes 200000`.

The pure functions alone, in this process: which mapping and rate price a number, what a call of so many seconds costs,
both together, and both legs of a call as the charging asks for them (routing.leg_prices, with free seconds).
"""

import argparse
import gc
import random
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from bench.machine import describe
from billing.prefixes import PrefixTable
from billing.rating import SECOND, charge, charge_beyond, price_number
from routing.leg_prices import account_leg_price, carrier_leg_price
from routing.rows import Account, CarrierAccount, Product, ProductMapping, Rate, RateTable
from routing.snapshot import Change, Snapshot

AT = 1_763_884_800_000_000
ROUNDS = 3


def configuration(codes: int, seed: int) -> tuple[Snapshot, list[str]]:
    """Return a product of ``codes`` codes of 1 to 8 digits as real ones are: short ones with longer ones inside."""
    pick = random.Random(seed)
    known = {""}
    while len(known) < codes:
        known.add(str(pick.randrange(1, 10 ** pick.choice((2, 3, 4, 5, 6, 6, 7, 7, 7, 8, 8)))))
    config = Snapshot()
    rates = (
        Rate(n, 1, code, True, millionths(pick.randrange(100_000)), millionths(pick.choice((0, 0, 5000))),
             pick.choice((1, 1, 6, 60)), 0, pick.choice((0, 30)), 1)
        for n, code in enumerate(known, start=1)
    )  # fmt: skip
    rows: list[tuple[str, Any]] = [
        ("product", Product(1, "retail", 0, 1)),
        ("product", Product(2, "with free seconds", 600, 1)),
        ("rate_table", RateTable(1, "world", "USD", 1)),
        *(("product_mapping", ProductMapping(n, n, "", 1, 0, 1)) for n in (1, 2)),
    ]
    config.apply((Change(kind, row.id, row) for kind, row in rows), 1)
    config.apply((Change("rate", row.id, row) for row in rates), 1)
    longest = sorted(known, key=len)[len(known) // 2 :]
    return config, [f"{pick.choice(longest)}{pick.randrange(10**6):06}"[:15] for _ in range(20_000)]


def millionths(amount: int) -> Decimal:
    """Return an amount as NUMERIC(18,6) gives it."""
    return Decimal(amount).scaleb(-6)


def per_second(done: Callable[[], int]) -> float:
    """Return the best of a few rounds: the others had company on the core."""
    best = 0.0
    for _ in range(ROUNDS):
        start = time.perf_counter()
        count = done()
        best = max(best, count / (time.perf_counter() - start))
    return best


def steps(config: Snapshot, numbers: list[str], seed: int) -> dict[str, Callable[[], int]]:
    """Return what is measured: each goes through all numbers once and returns how many it did."""
    pick = random.Random(seed)
    calls = [(number, pick.randrange(1, 900 * SECOND)) for number in numbers]
    mappings: PrefixTable[Any] = config.mappings[1]
    rates: Any = config.rates
    found = [price_number(mappings, rates, number, AT).rate for number in numbers]
    carrier = CarrierAccount(1, 1, "203.0.113.0/26", 1, "", "request_uri", "", (), None, True, "automatic", 1)
    account = Account(1, 1, "Main", "active", 1, 2, None, None, 1)

    def look_up() -> int:
        return sum(price_number(mappings, rates, number, AT).rate is not None for number in numbers)

    def cost() -> int:
        return sum(charge(rate, duration) is not None for rate, (_, duration) in zip(found, calls, strict=True) if rate)

    def rate_calls() -> int:
        rated = 0
        for number, duration in calls:
            rate = price_number(mappings, rates, number, AT).rate
            if rate is not None:
                charge(rate, duration)
                rated += 1
        return rated

    def both_legs() -> int:
        for number, duration in calls:
            price = carrier_leg_price(config, carrier, number, AT)
            paid = account_leg_price(config, account, None, number, AT)
            if price.rate is not None:
                charge(price.rate, duration)
            if paid is not None and paid.rate is not None:
                charge_beyond(paid.rate, duration, 30)
        return len(calls)

    return {
        "numbers priced (mapping, longest code)": look_up,
        "costs reckoned": cost,
        "calls rated: price found and cost reckoned": rate_calls,
        "calls with both legs, one with free seconds": both_legs,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codes", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    config, numbers = configuration(arguments.codes, arguments.seed)
    gc.collect()
    gc.freeze()
    print(f"{arguments.codes:,} codes of up to 8 digits, {len(numbers):,} numbers; one core. {describe()}")
    for words, done in steps(config, numbers, arguments.seed).items():
        print(f"{words:<46}{per_second(done):>12,.0f} /s")


if __name__ == "__main__":
    main()
