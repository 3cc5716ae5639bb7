"""What beat runs for the reports."""

from celery import shared_task
from django.utils import timezone

from cdr.reports.check import check_days
from cdr.reports.rollup import mark_days, recorded_days, renew_due
from systemlog.choices import Category, Severity
from systemlog.entries import write_entries
from systemlog.models import LogEntry

NIGHTLY_DAYS = 62


@shared_task
def renew_reports() -> int:
    """Bring the roll-up up to date; return how many days were made anew."""
    return renew_due()


@shared_task
def check_reports() -> int:
    """Compare the latest two months with their calls, log what differs and have it made anew; return how many rows."""
    differences = check_days(reversed(recorded_days()[-NIGHTLY_DAYS:]))
    mark_days({difference.day for difference in differences})
    write_entries(
        LogEntry(
            at=timezone.now(),
            category=Category.BILLING,
            severity=Severity.ERROR,
            reason="report_difference",
            message=f"A report's day was not what its calls say, and is made anew. {difference}.",
        )
        for difference in differences
    )
    return len(differences)
