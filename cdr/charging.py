"""Price the legs of an ended call: once start and end are both known, with the prices in force at its set-up.

A leg is recorded whenever its product priced the number, at zero too ("free inbound"): the CDR then shows which rate
was used. Running it again gives the same legs; only an end that was concluded and is now told makes them new. What
they cost goes to the ledger in the same transaction (cdr.booking).
"""

import datetime as dt
import logging
from collections.abc import Iterable
from typing import Any

from django.db import DatabaseError

from billing.posting import LARGEST
from billing.rating import charge, price_number
from cdr.booking import book
from cdr.models import CDR, ChargedLeg
from core.bulk import insert_rows
from routing.evaluation import ACCOUNT_LEG, CARRIER_LEG
from routing.models import Attempt
from routing.snapshot import Snapshot
from routing.store import snapshots
from systemlog.choices import Category, Severity
from systemlog.entries import write_entries
from systemlog.models import LogEntry

logger = logging.getLogger(__name__)

MICROSECOND = dt.timedelta(microseconds=1)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
PRICED = (
    "balance_id", "product_id", "product_version", "mapping_id", "mapping_version", "rate_table_id",
    "rate_table_version", "rate_id", "rate_version", "product_label", "rate_table_label", "code", "rate",
    "charged_seconds", "free_seconds", "amount", "currency",
)  # fmt: skip
COLUMNS = ("attempt_id", "started_at", "leg", *PRICED)
CONFLICT = "ON CONFLICT (attempt_id, leg) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in PRICED)


def charge_calls(records: Iterable[CDR]) -> None:
    """Write and book the charged legs of the answered calls among these whose start, decision and end are known.

    Locks balances until the transaction ends, so that it stands as late in it as can be.
    """
    ended = {r.attempt_id: r for r in records if r.answered_at and r.ended_at and r.number and r.carrier_account_id}
    if not ended:
        return
    starts = [record.started_at for record in ended.values()]
    versions = dict(
        Attempt.objects.filter(attempt_id__in=list(ended), started_at__range=(min(starts), max(starts))).values_list(
            "attempt_id", "config_version"
        )
    )
    legs: list[ChargedLeg] = []
    unpriced: list[LogEntry] = []
    # By version, so that the snapshot goes one way through the batch.
    for record in sorted(ended.values(), key=lambda record: versions.get(record.attempt_id) or 0):
        if (version := versions.get(record.attempt_id)) is None:
            continue
        try:
            with snapshots.at(version) as config:
                legs.extend(within_reach(price_legs(record, config)))
        except DatabaseError:
            raise
        except Exception as error:
            # What cannot be priced must not cost the call its CDR; a person is told.
            logger.exception("call %s could not be priced", record.attempt_id)
            unpriced.append(unpriced_entry(record, error))
    write_entries(unpriced)
    legs.sort(key=lambda leg: (leg.attempt_id, leg.leg))
    rows = ({name: getattr(leg, name) for name in COLUMNS} for leg in legs)
    written = insert_rows(ChargedLeg, COLUMNS, rows, conflict=CONFLICT, returning="attempt_id, leg, xmax <> 0")
    book(legs, {(attempt, leg) for attempt, leg, stood in written if stood}, ended)


def within_reach(legs: list[ChargedLeg]) -> list[ChargedLeg]:
    """Return the legs; raise ArithmeticError where an amount has more digits than a balance holds."""
    for leg in legs:
        if abs(leg.amount) >= LARGEST:
            raise ArithmeticError(f"the {leg.leg}'s charge of {leg.amount:.0f} {leg.currency} is beyond any balance")
    return legs


def unpriced_entry(record: CDR, error: Exception) -> LogEntry:
    """Return the entry of a call that ended and could not be priced."""
    return LogEntry(
        at=record.ended_at or record.started_at,
        category=Category.BILLING,
        severity=Severity.ERROR,
        reason="not_priced",
        message=f"The call to +{record.number} could not be priced: {type(error).__name__}: {error}",
        attempt_id=record.attempt_id,
        number=record.number,
        source=record.source,
        call_id=record.call_id,
    )


def price_legs(record: CDR, config: Snapshot) -> list[ChargedLeg]:
    """Return the legs of one ended call, priced by a configuration; none for a leg without product or price."""
    legs = []
    if record.carrier_account_id in config.rows["carrier_account"]:
        address = config.carrier_account(record.carrier_account_id)
        carrier = config.carrier(address.carrier_id)
        balance_id = carrier.balance_id if carrier else None
        legs.append(price_leg(record, config, CARRIER_LEG, address.product_id, balance_id))
    account = config.account(record.account_id) if record.account_id else None
    if account is not None and account.product_id is not None:
        legs.append(price_leg(record, config, ACCOUNT_LEG, account.product_id, account.balance_id))
    return [leg for leg in legs if leg is not None]


def price_leg(record: CDR, config: Snapshot, name: str, product_id: int, balance_id: int | None) -> ChargedLeg | None:
    """Return one leg, or None where the product has no price for the number."""
    assert record.answered_at is not None and record.ended_at is not None  # charge_calls() takes no other
    price = price_number(
        config.mappings.get(product_id), config.rates, record.number, (record.started_at - EPOCH) // MICROSECOND
    )
    if price.unpriced is not None or price.rate is None or price.mapping is None:
        return None
    due = charge(price.rate, (record.ended_at - record.answered_at) // MICROSECOND)
    product, table = config.product(product_id), config.rate_table(price.mapping.rate_table_id)
    return ChargedLeg(
        attempt_id=record.attempt_id,
        started_at=record.started_at,
        leg=name,
        balance_id=balance_id,
        product_id=product_id,
        product_version=product.version if product else None,
        mapping_id=price.mapping.id,
        mapping_version=price.mapping.version,
        rate_table_id=price.mapping.rate_table_id,
        rate_table_version=table.version if table else None,
        rate_id=price.rate.id,
        rate_version=price.rate.version,
        product_label=product.name if product else "",
        rate_table_label=table.name if table else "",
        code=price.rate.code,
        rate=rate_snapshot(price.rate, price.prefix),
        charged_seconds=due.seconds,
        amount=due.amount,
        currency=table.currency if table else "",
    )


def rate_snapshot(rate: Any, prefix: str) -> dict[str, Any]:
    """Return a rate's values as they were, to be shown and checked later."""
    return {
        "prefix": prefix,
        "code": rate.code,
        "rate_minute": str(rate.rate_minute),
        "rate_call": str(rate.rate_call),
        "increment": rate.increment,
        "grace": rate.grace,
        "minimal_duration": rate.minimal_duration,
    }
