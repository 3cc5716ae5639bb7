"""The Celery application: background tasks, beat, and the node that takes in the switch's events.

Three kinds of process come from here (docs/operating.md gives their command lines):
the ingest node (``VOIPBILLING_INGEST=1``, thread pool), the task workers, and beat.
"""

import os
from typing import TYPE_CHECKING

from celery import Celery, bootsteps

if TYPE_CHECKING:
    from systemlog.threads import Watched

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voipbilling.settings")

app = Celery("voipbilling")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


class IngestStep(bootsteps.StartStopStep):
    """Run the consumer of the event stream in this worker process, from its start to its warm shutdown."""

    def include_if(self, parent: object) -> bool:
        return os.environ.get("VOIPBILLING_INGEST", "") == "1"

    def __init__(self, parent: object, **kwargs: object) -> None:
        self.threads: list[Watched] = []
        super().__init__(parent, **kwargs)

    def start(self, parent: object) -> None:
        from systemlog.threads import start_ingest  # Models load only once Celery has set Django up.

        self.threads = start_ingest(parent.hostname)  # type: ignore[attr-defined]

    def stop(self, parent: object) -> None:
        from systemlog.threads import stop_all

        stop_all(self.threads)

    terminate = stop


class PulseStep(bootsteps.StartStopStep):
    """Beat for a task worker; the ingest node's heartbeat is its consumer's own."""

    def include_if(self, parent: object) -> bool:
        return os.environ.get("VOIPBILLING_INGEST", "") != "1"

    def __init__(self, parent: object, **kwargs: object) -> None:
        self.threads: list[Watched] = []
        super().__init__(parent, **kwargs)

    def start(self, parent: object) -> None:
        from systemlog.threads import start_pulse

        self.threads = start_pulse(parent.hostname, "worker")  # type: ignore[attr-defined]

    def stop(self, parent: object) -> None:
        from systemlog.threads import stop_all

        stop_all(self.threads)

    terminate = stop


app.steps["worker"].add(IngestStep)
app.steps["worker"].add(PulseStep)
