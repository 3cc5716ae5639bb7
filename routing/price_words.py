"""What a leg is priced by, in words, for the record of a decision."""

from decimal import Decimal

from billing.rating import RateValues
from routing.decision import Ref
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


def amount_words(amount: Decimal, currency: str) -> str:
    """Return an amount without needless zeros, with its currency."""
    return f"{amount.normalize():f} {currency}".replace("-", "−")


def _rate_words(rate: RateValues, currency: str) -> str:
    if not rate.rate_minute and not rate.rate_call:
        return "no charge"
    return f"{amount_words(rate.rate_minute, currency)} a minute, {amount_words(rate.rate_call, currency)} a call"
