"""What beat runs for DIDs."""

from celery import shared_task

from dids import services


@shared_task
def end_quarantines() -> int:
    """Make available every DID whose quarantine has ended; return how many."""
    return services.end_quarantines()
