"""Price the legs of an ended call: once start and end are both known, with the prices in force at its set-up.

A leg is recorded whenever something priced the number, at zero too ("free inbound"): the CDR then shows which rate
was used. Running it again gives the same legs; only an end that was concluded and is now told makes them new. What
they cost goes to the ledger in the same transaction (cdr.booking). The free seconds of an account or a DID pay first;
what an ended call held of them for its reservation is released before.
"""

import logging
from collections.abc import Iterable
from operator import attrgetter

from django.db import DatabaseError

from cdr.booking import book
from cdr.legs import Charged, DueLeg, charge_legs, covered_legs, price_legs, within_reach
from cdr.models import CDR, ChargedLeg
from core.bulk import insert_rows
from routing.models import Attempt
from routing.store import snapshots
from systemlog.choices import Category, Severity
from systemlog.entries import write_entries
from systemlog.models import LogEntry

logger = logging.getLogger(__name__)

KEY = ("attempt_id", "leg")
CONFLICT = "ON CONFLICT (attempt_id, leg) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in Charged._fields if name not in {*KEY, "started_at"}
)


def charge_calls(records: Iterable[CDR]) -> None:
    """Write and book the charged legs of the answered calls among these whose start, decision and end are known.

    What was reserved for any that is over is given back in its place. Locks balances until the transaction ends, so
    that it stands as late in it as can be.
    """
    over = {record.attempt_id: record for record in records if record.ended_at}
    ended = {at: r for at, r in over.items() if r.answered_at and r.number and r.carrier_account_id}
    if not ended:
        _, freed = charge_legs([], over)
        book([], set(), over, freed)
        return
    starts = [record.started_at for record in ended.values()]
    versions = dict(
        Attempt.objects.filter(attempt_id__any=ended, started_at__range=(min(starts), max(starts))).values_list(
            "attempt_id", "config_version"
        )
    )
    due: list[DueLeg] = []
    unpriced: list[LogEntry] = []
    # By version, so that the snapshot goes one way through the batch.
    for record in sorted(ended.values(), key=lambda record: versions.get(record.attempt_id) or 0):
        if (version := versions.get(record.attempt_id)) is None:
            continue
        try:
            with snapshots.at(version) as config:
                due.extend(within_reach(price_legs(record, config)))
        except DatabaseError:
            raise
        except Exception as error:
            # What cannot be priced must not cost the call its CDR; a person is told.
            logger.exception("call %s could not be priced", record.attempt_id)
            unpriced.append(unpriced_entry(record, error))
    write_entries(unpriced)
    legs, freed = charge_legs(covered_legs(due), over)
    legs.sort(key=attrgetter(*KEY))
    rows = (leg._asdict() for leg in legs)
    written = insert_rows(ChargedLeg, Charged._fields, rows, conflict=CONFLICT, returning="attempt_id, leg, xmax <> 0")
    book(legs, {(attempt, leg) for attempt, leg, stood in written if stood}, over, freed)


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
