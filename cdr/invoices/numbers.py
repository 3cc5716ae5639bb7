"""Numbers without gaps: the counter is locked in the transaction that issues, so a rollback takes nothing from it."""

import datetime as dt

from django.utils import timezone

from cdr.invoices.models import NumberSeries
from core.business_time import day_of

DIGITS = 5


def take_number(template: str) -> tuple[str, dt.datetime]:
    """Return the next number after a prefix ("{year}" in it is the business year) and the instant of issue.

    Locks the series until the transaction ends, so call it as late as can be. Instants follow the numbers, even where
    a clock steps back: no invoice is dated before the one with the number below.
    """
    now = timezone.now()
    prefix = template.replace("{year}", f"{day_of(now).year:04d}")
    NumberSeries.objects.bulk_create([NumberSeries(prefix=prefix)], ignore_conflicts=True)
    series = NumberSeries.objects.select_for_update().get(pk=prefix)
    series.last += 1
    series.last_at = max(now, series.last_at or now)
    series.save(update_fields=["last", "last_at"])
    return f"{prefix}{series.last:0{DIGITS}d}", series.last_at
