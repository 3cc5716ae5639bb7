"""Prove that ledger entries sum to balances."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.ledger import check_ledger
from billing.models import Balance


class Command(BaseCommand):
    """Print each balance that does not add up; end with an error if there is one, so that a scheduler notices."""

    help = "Check that each balance is the sum of its ledger entries and each reserve the sum of its reservations."

    def handle(self, *args: Any, **options: Any) -> None:
        discrepancies = check_ledger()
        for discrepancy in discrepancies:
            self.stderr.write(str(discrepancy))
        if discrepancies:
            raise CommandError(f"{len(discrepancies)} balances do not add up.")
        self.stdout.write(f"{Balance.objects.count()} balances add up.")
