"""Which price each leg of a call takes: asked before the call by the evaluation, after it by the charging. Pure."""

from typing import NamedTuple

from billing.rating import RateValues, Unpriced, price_number
from core.days import month_at
from routing.decision import FreeBucket
from routing.rows import Account, CarrierAccount, Did, DidPrice, Product, ProductMapping, Rate, RateTable
from routing.snapshot import Snapshot

CARRIER_LEG, ACCOUNT_LEG = "carrier", "account"
NO_PRODUCT = Product(0, "?", 0, 0)
NO_TABLE = RateTable(0, "?", "", 0)


class LegPrice(NamedTuple):
    """The price of one leg and where it comes from, or why there is none (``unpriced``)."""

    leg: str
    rate: RateValues | None
    currency: str
    product: Product | None = None
    own: DidPrice | None = None
    unpriced: Unpriced | None = None
    prefix: str = ""
    mapping: ProductMapping | None = None
    table: RateTable | None = None
    code: Rate | None = None
    free: FreeBucket | None = None


def carrier_leg_price(config: Snapshot, carrier_account: CarrierAccount, number: str, at: int) -> LegPrice:
    """Return what the carrier pays for a call to ``number`` set up at ``at`` (µs since the epoch); below zero, gets."""
    return _product_price(config, CARRIER_LEG, carrier_account.product_id, number, at)


def account_leg_price(config: Snapshot, account: Account, did: Did | None, number: str, at: int) -> LegPrice | None:
    """Return what the account pays to receive the call: by the DID's own price if it has one, else by its product.

    None where there is neither: it receives free.
    """
    own = config.did_prices.get(did.id) if did is not None else None
    if own is not None:
        free = _bucket(config, account, own.did_id, own.free_seconds, at)
        return LegPrice(ACCOUNT_LEG, own, own.currency, own=own, free=free)
    if account.product_id is None:
        return None
    product = config.product(account.product_id)
    free = _bucket(config, account, None, product.free_seconds, at) if product and product.free_seconds else None
    return _product_price(config, ACCOUNT_LEG, account.product_id, number, at, free)


def _product_price(
    config: Snapshot, leg: str, product_id: int, number: str, at: int, free: FreeBucket | None = None
) -> LegPrice:
    product = config.product(product_id) or NO_PRODUCT._replace(id=product_id)
    found = price_number(config.mappings.get(product_id), config.rates, number, at)
    mapping, rate = found.mapping, found.rate
    table = NO_TABLE if mapping is None else config.rate_table(mapping.rate_table_id) or NO_TABLE
    return LegPrice(
        leg, rate, table.currency, product, None, found.unpriced, found.prefix, mapping, table, rate, free
    )  # fmt: skip


def _bucket(config: Snapshot, account: Account, did_id: int | None, granted: int, at: int) -> FreeBucket | None:
    if not granted:
        return None
    month = month_at(at, config.policy.business_time_zone)
    return FreeBucket(account.id, did_id, month, granted)
