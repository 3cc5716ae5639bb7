"""Signs of life: a process that has not beaten for 5 s does not count as alive."""

import time
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.utils import timezone

from core.models import Heartbeat

BEAT_SECONDS = 2.0


class Pulse:
    """The heartbeat of one process or thread; call ``beat`` from its own loop, so that a hung one falls silent."""

    def __init__(self, name: str, kind: str, details: Callable[[], dict[str, Any]] | None = None) -> None:
        self.name = name[:64]
        self.kind = kind
        self.details = details or dict
        self.started_at = timezone.now()
        self._due = 0.0

    def beat(self) -> None:
        """Write the heartbeat if 2 s have passed since the last one; raises what the database raises."""
        now = time.monotonic()
        if now < self._due:
            return
        Heartbeat.objects.update_or_create(
            name=self.name,
            defaults={
                "kind": self.kind,
                "beat_at": timezone.now(),
                "started_at": self.started_at,
                "details": self.details(),
            },
        )
        self._due = now + BEAT_SECONDS

    def end(self) -> None:
        """Remove the heartbeat of a process that ends as it should, so that it does not show as dead."""
        Heartbeat.objects.filter(name=self.name).delete()
        connection.close()
