"""Days and months of business: those of one time zone, the setting ``BUSINESS_TIME_ZONE``, whatever a reader's is.

A day runs from its first instant in that zone to the next day's, so that days and months follow each other without
gap or overlap, also where clocks are set: a day then has 23 or 25 hours, and may begin at one o'clock.
Instants are aware datetimes; what is returned is in UTC.
"""

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

MIDNIGHT = dt.time(0)
DAY = dt.timedelta(days=1)
SECOND = dt.timedelta(seconds=1)


def business_zone(name: str | None = None) -> ZoneInfo:
    """Return the zone of this name, or the one of the setting."""
    return ZoneInfo(name or settings.BUSINESS_TIME_ZONE)


def today(zone: str | None = None) -> dt.date:
    """Return the business day that it is now."""
    return day_of(timezone.now(), zone)


def day_of(instant: dt.datetime, zone: str | None = None) -> dt.date:
    """Return the business day that holds ``instant``."""
    day = instant.astimezone(business_zone(zone)).date()
    # Where the clock goes back over midnight, the minutes after the first midnight are the new day's already.
    return day + DAY if day_start(day + DAY, zone) <= instant else day


def month_of(instant: dt.datetime, zone: str | None = None) -> dt.date:
    """Return the first day of the business month that holds ``instant``."""
    return day_of(instant, zone).replace(day=1)


def next_month(month: dt.date) -> dt.date:
    """Return the first day of the month after that of ``month``."""
    return (month.replace(day=1) + 31 * DAY).replace(day=1)


def day_start(day: dt.date, zone: str | None = None) -> dt.datetime:
    """Return the first instant of a business day."""
    return _start(day, zone or settings.BUSINESS_TIME_ZONE)


def day_bounds(day: dt.date, zone: str | None = None) -> tuple[dt.datetime, dt.datetime]:
    """Return the first instant of a business day and that of the next one."""
    return day_start(day, zone), day_start(day + DAY, zone)


def month_bounds(month: dt.date, zone: str | None = None) -> tuple[dt.datetime, dt.datetime]:
    """Return the first instant of the business month that holds the day ``month``, and that of the next one."""
    return day_start(month.replace(day=1), zone), day_start(next_month(month), zone)


@lru_cache(maxsize=4096)
def _start(day: dt.date, zone_name: str) -> dt.datetime:
    zone = ZoneInfo(zone_name)
    midnight = dt.datetime.combine(day, MIDNIGHT, zone)
    start = midnight.astimezone(dt.UTC)
    if start.astimezone(zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return start
    # Clocks are put forward over midnight: the day begins at that instant, which lies between what midnight would be
    # by the old time and by the new one.
    before, after = sorted((midnight.replace(fold=1).astimezone(dt.UTC) - SECOND, start))
    while after - before > SECOND:
        middle = before + (after - before) // SECOND // 2 * SECOND
        if middle.astimezone(zone).date() < day:
            before = middle
        else:
            after = middle
    return after
