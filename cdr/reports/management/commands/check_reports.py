"""Prove that the reports equal the calls."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdr.reports.check import check_days
from cdr.reports.rollup import recorded_days


class Command(BaseCommand):
    """Print each difference; end with an error if there is one, so that a scheduler notices."""

    help = "Check that every business day of the reports equals the calls and charges it is made of."

    def handle(self, *args: Any, **options: Any) -> None:
        days = recorded_days()
        differences = check_days(reversed(days))
        for difference in differences:
            self.stderr.write(str(difference))
        if differences:
            raise CommandError(f"{len(differences)} rows of the reports differ from their calls.")
        self.stdout.write(f"{len(days)} days of reports equal their calls.")
