"""What beat runs for the ledger."""

from celery import shared_task
from django.utils import timezone

from billing.ledger import Discrepancy, check_ledger
from billing.models import Balance
from billing.selectors import owner_of
from systemlog.choices import Category, Severity
from systemlog.entries import ref, write_entries
from systemlog.models import LogEntry


@shared_task
def prove_ledger() -> int:
    """Log each balance that its entries or reservations do not explain; return how many there are."""
    discrepancies = check_ledger()
    balances = Balance.objects.select_related("carrier", "account")
    owners = balances.in_bulk([discrepancy.balance_id for discrepancy in discrepancies])
    write_entries(_entry(discrepancy, owners[discrepancy.balance_id]) for discrepancy in discrepancies)
    return len(discrepancies)


def _entry(discrepancy: Discrepancy, balance: Balance) -> LogEntry:
    kind, owner = owner_of(balance)
    return LogEntry(
        at=timezone.now(),
        category=Category.BILLING,
        severity=Severity.ERROR,
        reason="ledger_discrepancy",
        message=f"The ledger of {owner or 'nobody'} does not add up. {discrepancy}.",
        refs=ref(kind, owner.pk, str(owner)) if owner else [],
    )
