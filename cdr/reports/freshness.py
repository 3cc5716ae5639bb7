"""How fresh a report is: a day with marks still lacks what changed since it was made."""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings

from cdr.reports.models import Mark, RolledDay
from cdr.reports.periods import Period
from core.business_time import day_bounds, day_of


@dataclass(frozen=True)
class Freshness:
    """``waiting``: how many days have changes to come; ``counted_to``: up to when all is counted, None for now.

    ``unmade``: how many of the days were never made.
    """

    waiting: int
    unmade: int
    counted_to: dt.datetime | None


def freshness(period: Period) -> Freshness:
    """Tell what the days of a period lack."""
    first, following = day_bounds(period.first)[0], day_bounds(period.last)[1]
    quarters = Mark.objects.filter(at__gte=first, at__lt=following).order_by().values_list("at", flat=True).distinct()
    days = {day_of(quarter) for quarter in quarters}
    made = dict(
        RolledDay.objects.filter(day__in=days, zone=settings.BUSINESS_TIME_ZONE).values_list("day", "renewed_at")
    )
    return Freshness(len(days), len(days - made.keys()), min(made.values(), default=None))
