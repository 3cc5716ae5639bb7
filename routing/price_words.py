"""What a leg is priced by, and whether it can be paid, in words, for the record of a decision."""

from collections.abc import Iterable
from decimal import Decimal

from billing.rating import RateValues, quantum_seconds
from routing.decision import Ref, Reserve
from routing.leg_prices import NO_TABLE, LegPrice


def price_words(price: LegPrice, rate: RateValues) -> tuple[str, Ref | None]:
    """Return where the price of a leg comes from and what it is, and the row that holds it."""
    free = f", the first {price.free.granted:,} s of a month free" if price.free else ""
    costs = f"{_rate_words(rate, price.currency)}{free}"
    if price.own is not None:
        return f"The DID’s own price: {costs}", Ref("did", price.own.did_id, "own price", price.own.version)
    product, code, table = price.product, price.code, price.table or NO_TABLE
    name = code.code if code is not None and code.code else "(any)"
    rate_row = Ref("rate", code.id, f"{table.name} {name}", code.version) if code is not None else None
    return f"Product “{product.name if product else '?'}”: code {name} at {costs}", rate_row


def funds_words(reserves: Iterable[Reserve]) -> tuple[str, str]:
    """Return a template and its value: what is there for the first quantum of each leg."""
    return "{}", "; ".join(f"{leg.leg}: {amount_words(leg.amount, leg.currency)} are there" for leg in reserves)


def lack_words(reserve: Reserve, payer: str, reservation_seconds: int, *, known: bool) -> tuple[object, ...]:
    """Return a template and its values: what a leg's payer lacks or, unless that is known, what it may lack."""
    amount = amount_words(reserve.amount, reserve.currency)
    if not known:
        return "Whether {} has {} is not known", payer, amount
    if reserve.free is None or reserve.rate is None:
        return "{} does not have {}", payer, amount
    words = "{} cannot cover the first {} s of a call, which cost {} where no free seconds pay them"
    return words, payer, quantum_seconds(reserve.rate, reservation_seconds), amount


def amount_words(amount: Decimal, currency: str) -> str:
    """Return an amount without needless zeros, with its currency."""
    return f"{amount.normalize():f} {currency}".replace("-", "−")


def _rate_words(rate: RateValues, currency: str) -> str:
    if not rate.rate_minute and not rate.rate_call:
        return "no charge"
    return f"{amount_words(rate.rate_minute, currency)} a minute, {amount_words(rate.rate_call, currency)} a call"
