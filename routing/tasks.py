"""What beat runs for routing; it may run twice or late."""

import datetime as dt

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from routing.pruning import prune_config_history as prune


@shared_task
def prune_config_history() -> None:
    """Forget the configuration's history beyond the days that are kept."""
    prune(timezone.now(), dt.timedelta(days=settings.CONFIG_HISTORY_DAYS))
