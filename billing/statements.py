"""The statement of a balance over a period: what it opened with, what moved it, what it closed with.

A period is whole business days. An entry belongs to the day it was booked, which never changes afterwards, so neither
does a statement once its last day is over. The sum of the lines is the difference of the two balances, to the last
digit, however calls are summed up.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Max, QuerySet, Sum
from django.db.models.functions import TruncDate

from billing.choices import EntryKind
from billing.models import Balance, LedgerEntry
from core.business_time import day_start, next_month, today
from core.days import DAY
from core.fields import ZERO

# Up to so many calls are lines of their own; more are summed up by day.
MOST_CALLS = 200


@dataclass(frozen=True, slots=True)
class Period:
    """Business days from ``since`` to ``until``, both included."""

    since: dt.date
    until: dt.date

    @property
    def start(self) -> dt.datetime:
        """Return the first instant."""
        return day_start(self.since)

    @property
    def end(self) -> dt.datetime:
        """Return the first instant after it."""
        return day_start(self.until + DAY)

    @property
    def query(self) -> str:
        """Return it as an address has it."""
        return f"since={self.since}&until={self.until}"

    def __str__(self) -> str:
        return f"{self.since} to {self.until}"


def month_period(month: dt.date) -> Period:
    """Return the business month that holds a day."""
    return Period(month.replace(day=1), next_month(month) - DAY)


def usual_periods() -> list[tuple[str, Period]]:
    """Return what is asked for most, each with its name: the last months and the year."""
    months = [today().replace(day=1)]
    while len(months) < 4:
        months.append((months[-1] - DAY).replace(day=1))
    return [
        *((f"{month:%B %Y}", month_period(month)) for month in months),
        (f"{months[0]:%Y}", Period(months[0].replace(month=1), months[0].replace(month=12, day=31))),
    ]


@dataclass(frozen=True, slots=True)
class KindSum:
    """What the entries of one kind moved."""

    label: str
    count: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Line:
    """One line: an entry, or the calls of a day; ``balance`` is what stands after it."""

    at: dt.datetime
    label: str
    words: str
    amount: Decimal
    balance: Decimal
    entry: LedgerEntry | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Statement:
    """A balance over a period."""

    balance: Balance
    period: Period
    opening: Decimal
    sums: list[KindSum]
    calls: int

    @property
    def closing(self) -> Decimal:
        """Return what stands at the end."""
        return self.opening + sum((kind.amount for kind in self.sums), ZERO)

    @property
    def count(self) -> int:
        """Return how many entries it has."""
        return sum(kind.count for kind in self.sums)

    @property
    def by_day(self) -> bool:
        """Tell whether its calls are summed up by day."""
        return self.calls > MOST_CALLS

    def entries(self) -> QuerySet[LedgerEntry]:
        """Return its entries in the order they were booked."""
        return entries_in(self.balance, self.period).select_related("actor").order_by("at", "id")

    def lines(self) -> Iterator[Line]:
        """Yield its lines in order."""
        balance = self.opening
        for line in _merged(self.entries(), _days(self) if self.by_day else []):
            balance += line.amount
            yield Line(line.at, line.label, line.words, line.amount, balance, line.entry, line.count)


def entries_in(balance: Balance, period: Period) -> QuerySet[LedgerEntry]:
    """Return the entries booked in a period."""
    return LedgerEntry.objects.filter(balance=balance, at__gte=period.start, at__lt=period.end)


def balance_at(balance: Balance, instant: dt.datetime) -> Decimal:
    """Return what a balance held just before an instant: what its last entry before left."""
    last = balance.entries.filter(at__lt=instant).order_by("-at", "-id").values_list("balance_after", flat=True)
    return last.first() or ZERO


def statement_of(balance: Balance, period: Period) -> Statement:
    """Return the statement of a balance over a period."""
    found = (
        entries_in(balance, period)
        .values("kind")
        .annotate(count=Count("id"), total=Sum("amount"), calls=Count("attempt_id"))
        .order_by()
    )
    order = list(EntryKind.values)
    rows = sorted(found, key=lambda row: order.index(row["kind"]))
    sums = [KindSum(EntryKind(row["kind"]).label, row["count"], row["total"]) for row in rows]
    calls = sum(row["calls"] for row in rows)
    return Statement(balance, period, balance_at(balance, period.start), sums, calls)


def _days(statement: Statement) -> list[Line]:
    """Return the calls of each business day as one line."""
    charged = entries_in(statement.balance, statement.period).filter(attempt_id__isnull=False)
    days = (
        charged.annotate(day=TruncDate("at", tzinfo=ZoneInfo(settings.BUSINESS_TIME_ZONE)))
        .values("day")
        .annotate(last=Max("at"), total=Sum("amount"), count=Count("attempt_id", distinct=True))
        .order_by("day")
    )
    return [
        Line(
            day["last"], EntryKind.CHARGE.label, f"{day['count']:,} call{'' if day['count'] == 1 else 's'}",
            day["total"], ZERO, None, day["count"],
        )
        for day in days
    ]  # fmt: skip


def _merged(entries: QuerySet[LedgerEntry], days: list[Line]) -> Iterator[Line]:
    """Yield entries, without the calls where ``days`` sum them up, and those sums where each day's last call stands."""
    if days:
        entries = entries.filter(attempt_id__isnull=True)
    waiting = list(reversed(days))
    for entry in entries.iterator():
        while waiting and waiting[-1].at <= entry.at:
            yield waiting.pop()
        yield Line(entry.at, entry.get_kind_display(), entry.note, entry.amount, ZERO, entry)
    yield from reversed(waiting)
