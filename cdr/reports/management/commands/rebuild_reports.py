"""Make the reports' days anew from the calls."""

import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdr.reports.rollup import LOCK, recorded_days, renew_day
from systemlog.duties import advisory_lock


class Command(BaseCommand):
    """Make every business day anew, or those from a day on."""

    help = "Make the reports' business days anew from calls and charges; reports stay readable meanwhile."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", type=dt.date.fromisoformat, help="the first day, such as 2026-11-01 (all)")

    def handle(self, *args: Any, **options: Any) -> None:
        since: dt.date | None = options["since"]
        days = [day for day in reversed(recorded_days()) if since is None or day >= since]
        with advisory_lock(LOCK) as held:
            if not held:
                raise CommandError("The reports are being renewed by another process; try again in a moment.")
            for day in days:
                renew_day(day)
        self.stdout.write(f"{len(days)} days made anew.")
