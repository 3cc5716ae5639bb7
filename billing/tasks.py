"""What beat runs for the ledger."""

from celery import shared_task

from billing import proving


@shared_task
def prove_ledger() -> int:
    """Prove the ledger; return how many differences were found."""
    return proving.prove_ledger().found
