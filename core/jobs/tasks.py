"""What a worker does with bulk changes, and what beat does for those whose worker died."""

import datetime as dt

import structlog
from celery import shared_task
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import F
from django.utils import timezone

from core.jobs.applying import Refused, apply_job, undo_job
from core.jobs.choices import JobState
from core.jobs.kinds import KINDS
from core.jobs.models import Job, Line, Source
from core.jobs.planning import plan_job
from core.jobs.rows import ReadError
from core.jobs.running import abandoned, sole_worker, working_jobs

log = structlog.get_logger(__name__)

MOST_TRIES = 3
# A job is looked after when nobody has had it for so long; handing it to a second worker does no harm.
LEFT_SECONDS = 3
STEPS = {JobState.READING: plan_job, JobState.APPLYING: apply_job, JobState.UNDOING: undo_job}
# Where a step that was refused leaves the job.
REFUSED = {JobState.READING: JobState.FAILED, JobState.APPLYING: JobState.STOPPED, JobState.UNDOING: JobState.APPLIED}


@shared_task
def run_job(job_id: int) -> None:
    """Take the step that a job waits for. Run twice, late or after a crash, it takes it once or not at all."""
    with sole_worker(job_id) as held:
        job = Job.objects.filter(pk=job_id).first()
        if not held or job is None or not job.working:
            return
        state = JobState(job.state)
        Job.objects.filter(pk=job.pk).update(tries=F("tries") + 1)
        if job.kind not in KINDS:
            _leave(job, JobState.FAILED, "This release knows no such change any more.")
        elif job.tries >= MOST_TRIES:
            _leave(job, REFUSED[state], f"It was interrupted {job.tries} times and has changed nothing.")
        else:
            _step(job, state)


def _step(job: Job, state: JobState) -> None:
    try:
        STEPS[state](job)
    except (ReadError, Refused) as error:
        _leave(job, REFUSED[state], str(error))
    except (OperationalError, InterfaceError):
        # The database went away: beat hands the job out again, and it starts over.
        raise
    except Exception:
        log.exception("a bulk change failed", job=job.pk)
        _leave(
            job, REFUSED[state], "An error of this program stopped it; its log has the particulars. Nothing changed."
        )


def _leave(job: Job, state: JobState, words: str) -> None:
    Job.objects.filter(pk=job.pk).update(state=state, state_since=timezone.now(), error=words)


@shared_task
def resume_jobs() -> int:
    """Hand out again the jobs that no worker holds, such as those of one that was killed; return how many."""
    before = timezone.now() - dt.timedelta(seconds=LEFT_SECONDS)
    left = [pk for pk in working_jobs().filter(state_since__lt=before).values_list("pk", flat=True) if abandoned(pk)]
    for pk in left:
        run_job.delay(pk)
    return len(left)


@shared_task
def prune_jobs() -> None:
    """Forget files and lines of old jobs; the jobs themselves, who did what and how many, stay."""
    old = Job.objects.filter(state_since__lt=timezone.now() - dt.timedelta(days=settings.BULK_DAYS))
    done = old.exclude(pk__in=working_jobs())
    Source.objects.filter(job__in=done).delete()
    Line.objects.filter(job__in=done).delete()
