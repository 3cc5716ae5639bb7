"""What beat runs for the ledger."""

from celery import shared_task
from django.utils import timezone

from billing import low_balance, proving, reservations


@shared_task
def prove_ledger() -> int:
    """Prove the ledger; return how many differences were found."""
    return proving.prove_ledger().found


@shared_task
def prune_reservations() -> int:
    """Delete reservations and paid calls that nobody asks for any more; return how many calls."""
    return reservations.prune(timezone.now())


@shared_task
def tell_low_balances() -> int:
    """Tell of balances that fell below what their owners want to be told of; return how many."""
    return low_balance.tell_low_balances()
