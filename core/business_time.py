"""Days and months of business: those of one time zone, the setting ``BUSINESS_TIME_ZONE``, whatever a reader's is.

``core.days`` says what a day is where clocks are set. Instants are aware datetimes; what is returned is in UTC.
"""

import datetime as dt
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from core import days
from core.days import DAY, next_month

__all__ = [
    "DAY",
    "business_zone",
    "day_bounds",
    "day_of",
    "day_start",
    "month_bounds",
    "month_of",
    "next_month",
    "today",
]


def business_zone(name: str | None = None) -> ZoneInfo:
    """Return the zone of this name, or the one of the setting."""
    return ZoneInfo(name or settings.BUSINESS_TIME_ZONE)


def today(zone: str | None = None) -> dt.date:
    """Return the business day that it is now."""
    return day_of(timezone.now(), zone)


def day_of(instant: dt.datetime, zone: str | None = None) -> dt.date:
    """Return the business day that holds ``instant``."""
    return days.day_of(instant, zone or settings.BUSINESS_TIME_ZONE)


def month_of(instant: dt.datetime, zone: str | None = None) -> dt.date:
    """Return the first day of the business month that holds ``instant``."""
    return days.month_of(instant, zone or settings.BUSINESS_TIME_ZONE)


def day_start(day: dt.date, zone: str | None = None) -> dt.datetime:
    """Return the first instant of a business day."""
    return days.day_start(day, zone or settings.BUSINESS_TIME_ZONE)


def day_bounds(day: dt.date, zone: str | None = None) -> tuple[dt.datetime, dt.datetime]:
    """Return the first instant of a business day and that of the next one."""
    return day_start(day, zone), day_start(day + DAY, zone)


def month_bounds(month: dt.date, zone: str | None = None) -> tuple[dt.datetime, dt.datetime]:
    """Return the first instant of the business month that holds the day ``month``, and that of the next one."""
    return day_start(month.replace(day=1), zone), day_start(next_month(month), zone)
