"""The business days a report is about, and the ways to other days."""

import datetime as dt
from dataclasses import dataclass

from core.business_time import DAY, next_month, today

# A report of more days is one nobody reads, and would take its time.
MOST_DAYS = 400
EARLIEST, LATEST = dt.date(2000, 1, 1), dt.date(2099, 12, 31)


@dataclass(frozen=True)
class Period:
    """From the first to the last business day, both included."""

    first: dt.date
    last: dt.date

    @property
    def is_sane(self) -> bool:
        """Tell whether one can reckon with these days: the calendar has ends."""
        return EARLIEST <= self.first <= LATEST and EARLIEST <= self.last <= LATEST

    @property
    def is_month(self) -> bool:
        """Tell whether it is one whole business month."""
        return self.first.day == 1 and self.last == next_month(self.first) - DAY

    @property
    def words(self) -> str:
        """Return "November 2026", or its days."""
        if self.is_month:
            return f"{self.first:%B %Y}"
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"

    @property
    def days(self) -> list[dt.date]:
        """Return its days, those to come left out; at least one."""
        last = max(self.first, min(self.last, today()))
        return [self.first + number * DAY for number in range((last - self.first).days + 1)]

    def moved(self, by: int) -> "Period":
        """Return the month, or as many days, before (-1) or after (1) it."""
        if self.is_month:
            return month_period(next_month(self.first) if by > 0 else (self.first - DAY))
        length = (self.last - self.first + DAY) * by
        return Period(self.first + length, self.last + length)


def month_period(day: dt.date) -> Period:
    """Return the business month that holds a day."""
    first = day.replace(day=1)
    return Period(first, next_month(first) - DAY)


def period_of(first: dt.date | None, last: dt.date | None) -> Period:
    """Return the period between two days; with one of them its month from or up to it, with none this month."""
    if first and last:
        return Period(first, last)
    if first:
        return Period(first, max(first, today()))
    if last:
        return Period(last.replace(day=1), last)
    return month_period(today())


def quick_periods() -> list[tuple[str, Period]]:
    """Return the periods people ask for most, in words."""
    now = today()
    this = month_period(now)
    return [
        ("Today", Period(now, now)),
        ("Yesterday", Period(now - DAY, now - DAY)),
        ("Last 7 days", Period(now - 6 * DAY, now)),
        ("Last 30 days", Period(now - 29 * DAY, now)),
        ("This month", this),
        ("Last month", this.moved(-1)),
    ]
