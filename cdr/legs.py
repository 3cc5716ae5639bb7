"""The legs of ended calls: by what each is priced, and what it costs once free seconds have paid their part."""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from billing.free_seconds import Bucket, FreeSecondsLedger
from billing.posting import LARGEST
from billing.rating import PartCharge, charge, charge_beyond
from billing.reservations import LegKey, covered_seconds, held_free_seconds
from cdr.models import CDR, ChargedLeg
from routing.leg_prices import LegPrice, account_leg_price, carrier_leg_price
from routing.snapshot import Snapshot

MICROSECOND = dt.timedelta(microseconds=1)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MOST_SECONDS = 2_147_483_647  # of a column of four bytes
# How late the switch may end a call: as much as is set aside for it (routing.decider.funds, CUT_MARGIN).
LATE_SECONDS = 2
OWN_PRICE = "DID’s own price"


class DueLeg(NamedTuple):
    """One leg of an ended call and its price; what it costs is known once its free seconds are."""

    record: CDR
    price: LegPrice
    balance_id: int | None
    covered: int | None = None  # charged seconds that were set aside; None where nothing is metered

    @property
    def bucket(self) -> Bucket | None:
        """The free seconds that pay first."""
        return Bucket(*self.price.free[:3]) if self.price.free else None

    @property
    def microseconds(self) -> int:
        """How long the call lasted, at most as long as the switch lets it.

        What is longer, a clock made that jumped, or a switch that hung when it had to end the call.
        """
        assert self.record.answered_at is not None and self.record.ended_at is not None  # charge_calls() takes no other
        lasted = (self.record.ended_at - self.record.answered_at) // MICROSECOND
        longest = self.record.max_seconds
        bounds = [None if longest is None else longest + LATE_SECONDS, self.covered]
        return min([lasted, *(bound * 1_000_000 for bound in bounds if bound is not None)])


def price_legs(record: CDR, config: Snapshot) -> list[DueLeg]:
    """Return the legs of one ended call with their prices in a configuration; none where nothing prices one."""
    at = (record.started_at - EPOCH) // MICROSECOND
    legs: list[DueLeg] = []
    if record.carrier_account_id in config.rows["carrier_account"]:
        address = config.carrier_account(record.carrier_account_id)
        carrier = config.carrier(address.carrier_id)
        price = carrier_leg_price(config, address, record.number, at)
        legs.append(DueLeg(record, price, carrier.balance_id if carrier else None))
    account = config.account(record.account_id) if record.account_id else None
    if account is not None:
        did = config.rows["did"].get(record.did_id) if record.did_id else None
        paid = account_leg_price(config, account, did, record.number, at)
        if paid is not None:
            legs.append(DueLeg(record, paid, account.balance_id))
    return [leg for leg in legs if leg.price.unpriced is None and leg.price.rate is not None]


def covered_legs(legs: list[DueLeg]) -> list[DueLeg]:
    """Return the legs with what was set aside for them."""
    covered = covered_seconds({leg.record.attempt_id for leg in legs})
    return [leg._replace(covered=covered.get((leg.record.attempt_id, leg.price.leg))) for leg in legs]


def within_reach(legs: list[DueLeg]) -> list[DueLeg]:
    """Return the legs; raise ArithmeticError where an amount or the seconds have more digits than a row holds."""
    for leg in legs:
        assert leg.price.rate is not None  # price_legs() gives no other
        seconds, amount = charge(leg.price.rate, leg.microseconds)
        if seconds > MOST_SECONDS:
            raise ArithmeticError(f"the {leg.price.leg}'s rate charges {seconds:,} s, more than a charge holds")
        if abs(amount) >= LARGEST:
            raise ArithmeticError(
                f"the {leg.price.leg}'s charge of {amount:.0f} {leg.price.currency} is beyond any balance"
            )
    return legs


class Charged(NamedTuple):
    """The row of a :class:`cdr.models.ChargedLeg`, without its id: half the making of a model instance."""

    attempt_id: uuid.UUID
    started_at: dt.datetime
    leg: str
    balance_id: int | None
    product_id: int | None
    product_version: int | None
    mapping_id: int | None
    mapping_version: int | None
    rate_table_id: int | None
    rate_table_version: int | None
    rate_id: int | None
    rate_version: int | None
    product_label: str
    rate_table_label: str
    code: str
    rate: dict[str, Any]
    charged_seconds: int
    free_seconds: int
    amount: Decimal
    currency: str


def charge_legs(due: Iterable[DueLeg], over: Collection[uuid.UUID] = ()) -> tuple[list[Charged], set[LegKey]]:
    """Return what each leg costs, the free seconds of its account or DID used up first.

    A leg that was charged before gives back what it used; then the calls take their turn in the order of their starts.
    What is held for a leg of the calls that are ``over`` goes to it before any other, and back where its call costs
    nothing; returned too are the legs that hold none any more.
    """
    legs = sorted(due, key=lambda leg: (leg.record.started_at, leg.record.attempt_id, leg.price.leg))
    before = used_before({leg.record.attempt_id for leg in legs})
    buckets = {bucket for bucket, _ in [*before.values(), *held_free_seconds(over).values()]}
    buckets |= {leg.bucket for leg in legs if leg.bucket}
    ledger = FreeSecondsLedger(buckets)
    # Under the lock, for until then a call may have been extended, or reserved for by a decider that hung. One whose
    # bucket is not locked keeps what it holds (billing.reservations.close).
    locked = held_free_seconds(over) if buckets else {}
    held = {key: seconds for key, seconds in locked.items() if seconds[0] in ledger}
    charged: list[Charged] = []
    own = {(leg.record.attempt_id, leg.price.leg) for leg in legs}
    for key in held.keys() - own:
        ledger.release(*held[key])
    for bucket, seconds in before.values():
        ledger.take(bucket, -seconds)
    for leg in legs:
        rate, free = leg.price.rate, 0
        assert rate is not None  # price_legs() gives no other
        if (key := (leg.record.attempt_id, leg.price.leg)) in held:
            ledger.release(*held[key])
        if leg.bucket and leg.price.free:
            free = ledger.left(leg.bucket, leg.price.free.granted)
        cost = charge_beyond(rate, leg.microseconds, free)
        if leg.bucket:
            ledger.take(leg.bucket, cost.free)
        charged.append(charged_leg(leg, cost))
    ledger.save()
    return charged, set(held)


def charged_leg(leg: DueLeg, cost: PartCharge) -> Charged:
    """Return the row of a leg: the price as it was, and what it came to."""
    price, product, mapping, table = leg.price, leg.price.product, leg.price.mapping, leg.price.table
    code = price.code
    return Charged(
        attempt_id=leg.record.attempt_id,
        started_at=leg.record.started_at,
        leg=price.leg,
        balance_id=leg.balance_id,
        product_id=product.id if product else None,
        product_version=product.version if product else None,
        mapping_id=mapping.id if mapping else None,
        mapping_version=mapping.version if mapping else None,
        rate_table_id=table.id if table else None,
        rate_table_version=table.version if table else None,
        rate_id=code.id if code else price.own.id if price.own else None,
        rate_version=code.version if code else price.own.version if price.own else None,
        product_label=product.name if product else OWN_PRICE,
        rate_table_label=table.name if table else "",
        code=code.code if code else "",
        rate=rate_snapshot(price, leg.bucket),
        charged_seconds=cost.seconds,
        free_seconds=cost.free,
        amount=cost.amount,
        currency=price.currency,
    )


def rate_snapshot(price: LegPrice, bucket: Bucket | None) -> dict[str, Any]:
    """Return a rate's values as they were, to be shown and checked later."""
    rate = price.rate
    assert rate is not None  # price_legs() gives no other
    values: dict[str, Any] = {
        "prefix": price.prefix,
        "code": price.code.code if price.code else "",
        "rate_minute": str(rate.rate_minute),
        "rate_call": str(rate.rate_call),
        "increment": rate.increment,
        "grace": rate.grace,
        "minimal_duration": rate.minimal_duration,
    }
    if price.own:
        values["did"] = price.own.did_id
    if bucket and price.free:
        values["free"] = [bucket.account_id, bucket.did_id, bucket.month.isoformat(), price.free.granted]
    return values


def used_before(attempts: set[uuid.UUID]) -> dict[tuple[uuid.UUID, str], tuple[Bucket, int]]:
    """Return by attempt and leg the free seconds that calls charged before have used, and of which bucket."""
    rows = ChargedLeg.objects.filter(attempt_id__any=attempts, free_seconds__gt=0)
    found = {}
    for attempt, leg, seconds, rate in rows.values_list("attempt_id", "leg", "free_seconds", "rate"):
        account, did, month, _ = rate["free"]
        found[attempt, leg] = Bucket(account, did, dt.date.fromisoformat(month)), seconds
    return found
