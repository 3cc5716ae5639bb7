"""The beat scheduler, which shows that it lives."""

from typing import Any

from celery.beat import PersistentScheduler
from django.db import DatabaseError, InterfaceError, connection

from systemlog.heartbeats import BEAT_SECONDS, Pulse


class BeatingScheduler(PersistentScheduler):
    """Celery's scheduler with a heartbeat in its own loop, so that a beat that hangs falls silent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.pulse = Pulse("beat", "beat")
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due and return the seconds to sleep, never past the next heartbeat."""
        delay = super().tick(*args, **kwargs)
        try:
            self.pulse.beat()
        except (DatabaseError, InterfaceError):
            connection.close()
        return min(float(delay), BEAT_SECONDS)

    def close(self) -> None:
        try:
            self.pulse.end()
        except (DatabaseError, InterfaceError):
            connection.close()
        super().close()
