"""What a person does with a bulk change: start it, say which column is which, apply, undo, throw away."""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerAway
from redis.exceptions import RedisError

from core.jobs.choices import JobState
from core.jobs.kinds import KINDS, ImportKind
from core.jobs.models import Job, Source
from core.jobs.rows import MAX_BYTES, MAX_ROWS, too_many_rows
from core.jobs.tasks import run_job
from core.models import User

log = structlog.get_logger(__name__)

AGAIN = (JobState.PREVIEW, JobState.STOPPED, JobState.FAILED, JobState.COLUMNS, JobState.UNDONE)


@transaction.atomic
def start_import(
    *,
    actor: User,
    kind: str,
    file_name: str,
    content: bytes,
    options: Mapping[str, Any],
    columns: Mapping[str, int] = {},
) -> Job:
    """Take in a file and let a worker work out what it does. Raise ValidationError beside ``file``."""
    if not content.strip():
        raise ValidationError({"file": "The file is empty."})
    if len(content) > MAX_BYTES:
        raise ValidationError({"file": too_large()})
    if content.count(b"\n") > 2 * MAX_ROWS:
        # A quoted cell may hold line breaks, so only what is far beyond is refused unread.
        raise ValidationError({"file": str(too_many_rows())})
    name = "".join(letter for letter in file_name if letter.isprintable())[:200] or "unnamed"
    job = Job.objects.create(kind=kind, source=name, options=dict(options), columns=dict(columns), created_by=actor)
    Source.objects.create(job=job, content=content)
    hand_over(job)
    return job


@transaction.atomic
def start_choice(*, actor: User, kind: str, ids: Iterable[int], options: Mapping[str, Any], noun: str) -> Job:
    """Let a worker work out what a change of chosen rows does. Raise ValidationError where there are too many."""
    chosen = list(dict.fromkeys(ids))
    if not chosen:
        raise ValidationError("Choose at least one row first.")
    if len(chosen) > MAX_ROWS:
        raise ValidationError(f"At most {MAX_ROWS:,} rows can be changed at once; narrow the filter.")
    job = Job.objects.create(kind=kind, source=f"{len(chosen):,} {noun}", options=dict(options), created_by=actor)
    Source.objects.create(job=job, content=json.dumps(chosen).encode())
    hand_over(job)
    return job


@transaction.atomic
def read_again(job: Job, *, actor: User, columns: Mapping[str, int] | None = None) -> Job:
    """Work out anew what a job does, with other columns where they are given; nothing has been applied of it."""
    locked = _locked(job, AGAIN, "be previewed again")
    if columns is not None:
        kind = KINDS[locked.kind]
        assert isinstance(kind, ImportKind)
        missing = {c.name: "Choose its column." for c in kind.columns if c.required and c.name not in columns}
        if missing:
            raise ValidationError(missing)
        if len(set(columns.values())) < len(columns):
            raise ValidationError("Two of these are the same column of the file.")
        locked.columns = dict(columns)
    if not Source.objects.filter(job=locked).exists():
        raise ValidationError("Its file is kept no longer: upload it again.")
    return _begin(locked, JobState.READING, columns=locked.columns)


@transaction.atomic
def ask_apply(job: Job, *, actor: User) -> Job:
    """Let a worker apply what the preview shows."""
    locked = _locked(job, (JobState.PREVIEW,), "be applied")
    if not locked.changing:
        raise ValidationError("There is nothing to apply: no line changes anything.")
    return _begin(locked, JobState.APPLYING, applied_by=actor)


@transaction.atomic
def ask_undo(job: Job, *, actor: User) -> Job:
    """Let a worker put back what the job changed."""
    locked = _locked(job, (JobState.APPLIED,), "be undone")
    if not locked.lines.exists():
        raise ValidationError("What it changed is kept no longer, so it cannot be undone.")
    return _begin(locked, JobState.UNDOING, undone_by=actor)


@transaction.atomic
def discard(job: Job, *, actor: User) -> None:
    """Throw away a job that has changed nothing."""
    _locked(job, (JobState.PREVIEW, JobState.STOPPED, JobState.FAILED, JobState.COLUMNS), "be thrown away").delete()


def too_large() -> str:
    """Return the refusal of a file that is too large."""
    return f"The file is larger than {MAX_BYTES // 2**20} MB: split it."


def _locked(job: Job, states: Collection[str], what: str) -> Job:
    """Lock the job; raise ValidationError unless it stands where this may be done with it."""
    locked = Job.objects.select_for_update().get(pk=job.pk)
    if locked.state not in states:
        raise ValidationError(f"It cannot {what}: it is {locked.get_state_display().lower()}.")
    return locked


def _begin(job: Job, state: JobState, **values: Any) -> Job:
    values |= {"state": state, "state_since": timezone.now(), "tries": 0, "error": ""}
    for name, value in values.items():
        setattr(job, name, value)
    job.save(update_fields=list(values))
    hand_over(job)
    return job


def hand_over(job: Job) -> None:
    """Give the job to a worker once it is committed; where the broker is away, beat does so later."""

    def send() -> None:
        try:
            run_job.apply_async((job.pk,), retry=False)
        except (BrokerAway, RedisError, OSError) as error:
            log.warning("a bulk change waits for the broker", job=job.pk, error=str(error))

    transaction.on_commit(send)
