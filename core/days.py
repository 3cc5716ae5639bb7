"""Days and months of a time zone as instants; pure. ``core.business_time`` asks with the zone of the setting.

A day runs from its first instant in that zone to the next day's, so that days and months follow each other without
gap or overlap, also where clocks are set: a day then has 23 or 25 hours, and may begin at one o'clock.
Instants are aware datetimes; what is returned is in UTC.
"""

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo

MIDNIGHT = dt.time(0)
DAY = dt.timedelta(days=1)
SECOND = dt.timedelta(seconds=1)
MICROSECOND = dt.timedelta(microseconds=1)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# By zone the month that was asked for last, from and until: all calls of a batch lie in one, or two.
_MONTHS: dict[str, tuple[int, int, dt.date]] = {}


def day_of(instant: dt.datetime, zone: str) -> dt.date:
    """Return the day that holds ``instant``."""
    day = instant.astimezone(ZoneInfo(zone)).date()
    # Where the clock goes back over midnight, the minutes after the first midnight are the new day's already.
    return day + DAY if day_start(day + DAY, zone) <= instant else day


def month_of(instant: dt.datetime, zone: str) -> dt.date:
    """Return the first day of the month that holds ``instant``."""
    return day_of(instant, zone).replace(day=1)


def month_at(at: int, zone: str) -> dt.date:
    """Return the first day of the month that holds ``at``, in µs since the epoch; quick for instants close together."""
    known = _MONTHS.get(zone)
    if known is None or not known[0] <= at < known[1]:
        month = month_of(EPOCH + dt.timedelta(microseconds=at), zone)
        start, end = day_start(month, zone), day_start(next_month(month), zone)
        known = _MONTHS[zone] = ((start - EPOCH) // MICROSECOND, (end - EPOCH) // MICROSECOND, month)
    return known[2]


def next_month(month: dt.date) -> dt.date:
    """Return the first day of the month after that of ``month``."""
    return (month.replace(day=1) + 31 * DAY).replace(day=1)


@lru_cache(maxsize=4096)
def day_start(day: dt.date, zone: str) -> dt.datetime:
    """Return the first instant of a day."""
    there = ZoneInfo(zone)
    midnight = dt.datetime.combine(day, MIDNIGHT, there)
    start = midnight.astimezone(dt.UTC)
    if start.astimezone(there).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return start
    # Clocks are put forward over midnight: the day begins at that instant, which lies between what midnight would be
    # by the old time and by the new one.
    before, after = sorted((midnight.replace(fold=1).astimezone(dt.UTC) - SECOND, start))
    while after - before > SECOND:
        middle = before + (after - before) // SECOND // 2 * SECOND
        if middle.astimezone(there).date() < day:
            before = middle
        else:
            after = middle
    return after
