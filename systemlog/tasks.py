"""What beat runs for the System Log; each may run twice or late."""

import datetime as dt

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from core import partitions
from systemlog import intake
from systemlog.switches import certificate


@shared_task
def ensure_partitions() -> None:
    """Make the coming months' partitions, so that no row waits in a default partition."""
    partitions.ensure_partitions(timezone.now())


@shared_task
def watch_certificate() -> None:
    """Look at the certificate of the switch's TLS port, and let a renewed one be taken over."""
    certificate.watch()


@shared_task
def prune_seen_events() -> None:
    """Forget event ids older than any replay."""
    intake.prune_seen_events(timezone.now(), dt.timedelta(days=settings.SEEN_EVENTS_DAYS))
