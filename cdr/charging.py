"""Price the legs of an ended call: once start and end are both known, with the prices in force at its set-up.

A leg is recorded whenever its product priced the number, at zero too ("free inbound"): the CDR then shows which rate
was used. Running it again gives the same legs; only an end that was concluded and is now told makes them new.
"""

import datetime as dt
import logging
from collections.abc import Iterable
from typing import Any

from django.db import DatabaseError

from billing.rating import charge, price_number
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
PRICED = ("product_label", "rate_table_label", "code", "rate", "charged_seconds", "amount", "currency")
COLUMNS = ("attempt_id", "started_at", "leg", *PRICED)
CONFLICT = "ON CONFLICT (attempt_id, leg) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in PRICED)


def charge_calls(records: Iterable[CDR]) -> None:
    """Write the charged legs of the answered calls among these whose start, decision and end are known."""
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
                legs.extend(price_legs(record, config))
        except DatabaseError:
            raise
        except Exception as error:
            # What cannot be priced must not cost the call its CDR; a person is told.
            logger.exception("call %s could not be priced", record.attempt_id)
            unpriced.append(unpriced_entry(record, error))
    write_entries(unpriced)
    legs.sort(key=lambda leg: (leg.attempt_id, leg.leg))
    insert_rows(
        ChargedLeg, COLUMNS, ({name: getattr(leg, name) for name in COLUMNS} for leg in legs), conflict=CONFLICT
    )


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
        product_id = config.carrier_account(record.carrier_account_id).product_id
        legs.append(price_leg(record, config, CARRIER_LEG, product_id))
    account = config.account(record.account_id) if record.account_id else None
    if account is not None and account.product_id is not None:
        legs.append(price_leg(record, config, ACCOUNT_LEG, account.product_id))
    return [leg for leg in legs if leg is not None]


def price_leg(record: CDR, config: Snapshot, name: str, product_id: int) -> ChargedLeg | None:
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
