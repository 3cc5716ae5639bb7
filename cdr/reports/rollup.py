"""Keep the roll-up equal to CDRs and charged legs: a day with a mark is made anew from them, as often as it may cost.

A mark commits together with its change. The renewal deletes the marks it sees and then, in a later statement of the
same transaction, reads the day: so it has read every change whose mark it deleted, and a change that commits meanwhile
leaves its own mark for the next renewal. A renewal that dies has deleted nothing.
"""

import datetime as dt
import logging
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from cdr.models import CDR
from cdr.reports.choices import NO_SEIZURE, OF_THE_USER
from cdr.reports.models import Mark, MoneyDay, RolledDay, TrafficDay
from core.business_time import DAY, day_bounds, day_of
from dids.rentals.models import RentalCharge
from systemlog.duties import advisory_lock
from systemlog.intake import DATABASE_AWAY

logger = logging.getLogger(__name__)

LOCK = 1_919_250_540
# A day may cost a twentieth of the time at most, and a day that was just made anew can wait a moment.
LEAST_PAUSE = dt.timedelta(seconds=5)
SHARE = 20

TRAFFIC = """
SELECT carrier_id, did_id, client_id, account_id, count(*) AS attempts,
    count(*) FILTER (WHERE answered_at IS NOT NULL OR reason <> ALL (%(no_seizure)s)) AS seizures,
    count(answered_at) AS answered,
    count(*) FILTER (WHERE answered_at IS NOT NULL OR reason = ANY (%(of_the_user)s)) AS effective,
    count(rang_at) AS rang,
    coalesce(sum(greatest(0, extract(epoch FROM ended_at - answered_at)) * 1000000), 0)::bigint AS talk_us,
    coalesce(sum(greatest(0, extract(epoch FROM rang_at - started_at)) * 1000000), 0)::bigint AS pdd_us
FROM cdr_cdr WHERE started_at >= %(first)s AND started_at < %(next)s AND ended_at IS NOT NULL
GROUP BY 1, 2, 3, 4
"""
# A number's rental counts on the day it fell due, once it is charged; by the history of the number, its sale belongs to
# the carrier that provided it then, and its purchase to the account that had it then.
MONEY = """
SELECT carrier_id, did_id, client_id, account_id, charged.leg AS kind, currency, count(*) AS entries,
    sum(charged_seconds)::bigint AS charged_seconds, sum(amount) AS amount
FROM cdr_cdr call JOIN cdr_chargedleg charged USING (attempt_id)
WHERE call.started_at >= %(first)s AND call.started_at < %(next)s
GROUP BY 1, 2, 3, 4, 5, 6
UNION ALL
SELECT coalesce(fee.carrier_id, past.carrier_id), fee.did_id, account.client_id, account.id,
    'rental_' || fee.side, fee.currency, count(*), 0,
    sum(CASE fee.side WHEN 'sold' THEN fee.amount ELSE -fee.amount END)
FROM rentals_rentalcharge fee
LEFT JOIN LATERAL (
    SELECT carrier_id, alias_id FROM dids_didevent WHERE pgh_obj_id = fee.did_id AND pgh_created_at <= fee.due_at
    ORDER BY pgh_created_at DESC, pgh_id DESC LIMIT 1
) past ON true
LEFT JOIN accounts_alias alias ON alias.id = past.alias_id AND fee.side = 'bought'
LEFT JOIN accounts_account account ON account.id = coalesce(fee.account_id, alias.account_id)
WHERE fee.due_at >= %(first)s AND fee.due_at < %(next)s AND fee.charged_at IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6
"""


_PARTIES = ("carrier_id", "did_id", "client_id", "account_id")


@dataclass(frozen=True)
class Rollup:
    """A table of the roll-up: the SELECT that makes a day of it, and which columns are key and which are sums."""

    table: str
    source: str
    key: tuple[str, ...]
    sums: tuple[str, ...]

    @property
    def same(self) -> str:
        """Return the condition that a row ``old`` and a row ``fresh`` are of the same parties, none taken as 0.

        With IS NOT DISTINCT FROM, PostgreSQL would compare each row of a day with each other one.
        """
        return " AND ".join(
            f"coalesce(old.{name}, 0) = coalesce(fresh.{name}, 0)" if name in _PARTIES else f"old.{name} = fresh.{name}"
            for name in self.key
        )


ROLLUPS = (
    Rollup(
        TrafficDay._meta.db_table,
        TRAFFIC,
        _PARTIES,
        ("attempts", "seizures", "answered", "effective", "rang", "talk_us", "pdd_us"),
    ),
    Rollup(MoneyDay._meta.db_table, MONEY, (*_PARTIES, "kind", "currency"), ("entries", "charged_seconds", "amount")),
)


def values_for(day: dt.date) -> dict[str, Any]:
    """Return what the SELECTs of a day ask for."""
    first, following = day_bounds(day)
    return {
        "day": day,
        "first": first,
        "next": following,
        "no_seizure": list(NO_SEIZURE),
        "of_the_user": list(OF_THE_USER),
    }


def renew_statement(rollup: Rollup) -> str:
    """Return the statement that makes a day's rows equal to their source and touches no row that is so already."""
    key, sums = rollup.key, rollup.sums
    columns = ", ".join((*key, *sums))
    same = rollup.same
    return f"""
WITH fresh AS MATERIALIZED ({rollup.source}),
gone AS (
    DELETE FROM {rollup.table} old
    WHERE day = %(day)s AND NOT EXISTS (SELECT FROM fresh WHERE {same})
)
INSERT INTO {rollup.table} AS old (day, {columns}) SELECT %(day)s, {columns} FROM fresh
ON CONFLICT (day, {", ".join(key)}) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in sums)}
WHERE ({", ".join(f"old.{name}" for name in sums)}) IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in sums)})
"""  # noqa: S608 - the names are those of our own tables


def renew_day(day: dt.date) -> None:
    """Make one business day anew and take its marks."""
    begun = time.perf_counter()
    values = values_for(day)
    with transaction.atomic(), connection.cursor() as cursor:
        read_at = timezone.now()
        cursor.execute("DELETE FROM reports_mark WHERE at >= %(first)s AND at < %(next)s", values)
        for rollup in ROLLUPS:
            cursor.execute(renew_statement(rollup), values)
        RolledDay.objects.update_or_create(
            day=day,
            defaults={
                "zone": settings.BUSINESS_TIME_ZONE,
                "renewed_at": read_at,
                "seconds": time.perf_counter() - begun,
            },
        )


def renew_due(*, patience: float = 60.0) -> int:
    """Make the marked days anew, latest first, those not due yet later; return how many were made.

    Stops after ``patience`` seconds; the next call goes on. One process at a time, others return at once.
    """
    until, renewed = time.monotonic() + patience, 0
    failed: Exception | None = None
    with advisory_lock(LOCK) as held:
        if not held:
            return 0
        mark_everything_if_needed()
        for day in marked_days():
            if not is_due(day):
                continue
            try:
                renew_day(day)
            except DATABASE_AWAY:
                raise
            except Exception as error:
                # One day that cannot be made must not keep the others from it.
                logger.exception("the reports' day %s could not be made", day)
                failed = error
                continue
            renewed += 1
            if time.monotonic() > until:
                break
    if failed is not None:
        raise failed
    return renewed


def marked_days() -> list[dt.date]:
    """Return the business days with marks, latest first."""
    quarters = Mark.objects.order_by("-at").values_list("at", flat=True).distinct()
    return list(dict.fromkeys(day_of(quarter) for quarter in quarters))


def is_due(day: dt.date) -> bool:
    """Tell whether a day may be made anew already."""
    last = RolledDay.objects.filter(day=day, zone=settings.BUSINESS_TIME_ZONE).first()
    if last is None:
        return True
    pause = max(LEAST_PAUSE, dt.timedelta(seconds=SHARE * last.seconds))
    # A clock that was put back must not keep a day from being renewed.
    return not dt.timedelta(0) <= timezone.now() - last.renewed_at < pause


def mark_everything_if_needed() -> None:
    """Mark all days where nothing was rolled up yet, or days were rolled up by another time zone."""
    days = RolledDay.objects.all()
    if days.exists() and not days.exclude(zone=settings.BUSINESS_TIME_ZONE).exists():
        return
    with transaction.atomic():
        # The other zone's days keep their rows until each is made anew; what then is no day of calls loses them.
        stale = list(days.exclude(zone=settings.BUSINESS_TIME_ZONE).values_list("day", flat=True))
        mark_days({*stale, *recorded_days()})
        days.exclude(zone=settings.BUSINESS_TIME_ZONE).update(zone=settings.BUSINESS_TIME_ZONE, renewed_at=LONG_AGO)
    logger.info("all days of the reports are made anew by the time zone %s", settings.BUSINESS_TIME_ZONE)


LONG_AGO = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


def mark_days(days: set[dt.date]) -> None:
    """Mark whole business days."""
    Mark.objects.bulk_create([Mark(at=day_bounds(day)[0]) for day in sorted(days)], batch_size=1000)


def recorded_days() -> list[dt.date]:
    """Return each business day from that of the oldest call or rental to today's, or the latest's; none without any."""
    calls = CDR.objects.values_list("started_at", flat=True)
    fees = RentalCharge.objects.filter(charged_at__isnull=False).order_by("due_at").values_list("due_at", flat=True)
    ends = [
        calls.order_by("started_at", "attempt_id").first(),
        calls.order_by("-started_at", "-attempt_id").first(),
        fees.first(),
        fees.last(),
    ]
    known = [day_of(instant) for instant in ends if instant is not None]
    if not known:
        return []
    first, last = min(known), max(*known, day_of(timezone.now()))
    return [first + number * DAY for number in range((last - first).days + 1)]
