"""Prove the ledger: entries = balances, CDR legs = entries, reservations = live calls."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.proving import prove_ledger


class Command(BaseCommand):
    """Name each difference; end with an error if there is one, so that a scheduler notices."""

    help = (
        "Check that each balance is the sum of its ledger entries, each charged leg of a CDR is in the ledger, and "
        "each reservation is for a live call (60 s in flight allowed)."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        run = prove_ledger()
        for difference in run.differences.order_by("id"):
            self.stderr.write(str(difference))
        if run.found:
            raise CommandError(f"{run.found} difference{'' if run.found == 1 else 's'} in the ledger.")
        self.stdout.write(f"{run.balances} balances and {run.entries} entries add up.")
