"""One worker at a time for a job: a lock that ends with its connection, and a progress that anybody may ask for."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.cache import cache
from django.db import connection
from django.db.models import QuerySet

from core.jobs.choices import WORKING
from core.jobs.models import Job

# 'jobs' in ASCII: the first half of an advisory lock's key, the job's number is the second.
LOCK = 0x6A6F6273
PROGRESS_SECONDS = 3600


@contextmanager
def sole_worker(job_id: int, lock: int = LOCK) -> Iterator[bool]:
    """Hold the job for the block, if nobody else does; the value tells. A worker that dies lets go of it at once.

    ``lock`` is the kind of job: other work of that sort brings a number of its own.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [lock, job_id])
        held = cursor.fetchone()[0]
    try:
        yield held
    finally:
        if held and connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [lock, job_id])


def working_jobs() -> QuerySet[Job]:
    """Return the jobs that a worker has, or ought to have."""
    return Job.objects.filter(state__in=WORKING)


def abandoned(job_id: int) -> bool:
    """Tell whether no worker holds the job."""
    with sole_worker(job_id) as held:
        return held


class Progress:
    """How far a job is, kept in the cache: the row itself is locked while it is being applied."""

    def __init__(self, job_id: int, what: str, total: int) -> None:
        self.key, self.what, self.total = key_of(job_id), what, max(total, 1)
        self.done(0)

    def done(self, count: int) -> None:
        """Say that ``count`` lines are done."""
        percent = min(100, count * 100 // self.total)
        cache.set(self.key, {"what": self.what, "done": count, "percent": percent}, PROGRESS_SECONDS)

    def saying(self, what: str) -> None:
        """Say what is being done now."""
        self.what = what
        cache.set(self.key, {"what": what, "done": self.total, "percent": 100}, PROGRESS_SECONDS)


def key_of(job_id: int) -> str:
    """Return the key under which a job's progress stands in the cache."""
    return f"job-progress:{job_id}"


def progress_of(job_id: int) -> dict[str, object]:
    """Return what the worker last said: ``what``, ``done``, ``percent``; before it has begun, that the job waits."""
    return cache.get(key_of(job_id)) or {"what": "Waiting for a worker", "done": 0, "percent": 0}
