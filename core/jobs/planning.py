"""The first half of a bulk change: read it, say what each line does, and keep that; nothing else is written."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from itertools import chain, islice
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from core.jobs.choices import JobState, LineOutcome
from core.jobs.columns import match_columns
from core.jobs.kinds import KINDS, ChoiceKind, ImportKind, Planned, file_rows
from core.jobs.models import ColumnTemplate, Job, Line
from core.jobs.reading import read_table
from core.jobs.rows import ReadError
from core.jobs.running import Progress
from core.jobs.templates import places_by

BATCH = 5_000
SAMPLE_ROWS = 3
MAX_KEY = 100
_COLUMNS = ("job_id", "line", "outcome", "key", "row_id", "version", "before", "after", "message")


def plan_job(job: Job) -> None:
    """Plan a job that stands at READING: afterwards it has its preview, or asks for its columns.

    Raise ReadError where it cannot be read. All lines are written in one transaction with the state.
    """
    kind = KINDS[job.kind]
    content = bytes(job.stored.content)
    if isinstance(kind, ImportKind):
        table = read_table(content)
        job.headed = bool(table.header)
        rows = iter(table.rows)
        sample = list(islice(rows, SAMPLE_ROWS))
        job.header = table.header or [
            f"Column {n}" for n in range(1, max((len(r.cells) for r in sample), default=0) + 1)
        ]
        job.sample, job.format = [row.cells for row in sample], table.format
        if not sample:
            raise ReadError("The file holds a head, but no row below it.")
        places = job.columns or _places(job, kind, table.header)
        job.columns = places
        missing = [column.label for column in kind.columns if column.required and column.name not in places]
        if missing:
            job.error = f"Which column holds: {', '.join(missing)}? No word of the file's head says so."
            _finish(job, JobState.COLUMNS)
            return
        lines: Iterable[Any] = file_rows(chain(sample, rows), places)
        total = table.about
    else:
        assert isinstance(kind, ChoiceKind)
        ids = ids_of(content)
        lines, total = ids, len(ids)
    progress = Progress(job.pk, "Working out what each line does", total)
    with transaction.atomic():
        Line.objects.filter(job=job).delete()
        counts: Counter[str] = Counter()
        done = 0
        for batch in _batches(kind.plan(lines, job.options)):
            _write(job, batch)
            counts.update(planned.outcome for planned in batch)
            done += len(batch)
            progress.done(done)
        job.counts = {outcome.value: counts[outcome] for outcome in LineOutcome}
        job.error = ""
        _finish(job, JobState.PREVIEW)


def _places(job: Job, kind: ImportKind, header: list[str]) -> dict[str, int]:
    """Return where our columns are: by the template that was chosen, else by the head's words."""
    template = ColumnTemplate.objects.filter(pk=job.options.get("template") or 0, kind=job.kind).first()
    if template is None:
        return match_columns(kind.columns, header)
    places = places_by(template, header, len(job.header))
    gone = [told["word"] for name, told in template.columns.items() if name not in places]
    if gone:
        raise ReadError(
            f"The column template “{template}” speaks of {', '.join(gone)}, which this file does not have. "
            "Upload it without a template, and choose its columns."
        )
    return places


def ids_of(content: bytes) -> list[int]:
    """Return the chosen rows' ids from a stored choice."""
    return [int(pk) for pk in json.loads(content)]


def _finish(job: Job, state: JobState) -> None:
    job.state, job.state_since = state, timezone.now()
    read = ("header", "headed", "sample", "format", "columns", "counts", "error")
    job.save(update_fields=["state", "state_since", *read])


def _batches(planned: Iterator[Planned]) -> Iterator[list[Planned]]:
    while batch := list(islice(planned, BATCH)):
        yield batch


def _write(job: Job, batch: list[Planned]) -> None:
    """Write lines by COPY: a row of INSERT each would take most of the time of planning."""
    table, owner = StringIO(), f"{job.pk}\t"
    for one in batch:
        # Numbers and outcomes hold nothing that COPY would take for its own; of JSON only the backslash.
        table.write(
            f"{owner}{one.line}\t{one.outcome.value}\t{one.key[:MAX_KEY].translate(_ESCAPES)}\t"
            f"{_number(one.row_id)}\t{_number(one.version)}\t{_json(one.before)}\t{_json(one.after)}\t"
            f"{one.message.translate(_ESCAPES) if one.message else ''}\n"
        )
    table.seek(0)
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY {Line._meta.db_table} ({', '.join(_COLUMNS)}) FROM STDIN", table)


_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\0": None})


def _number(value: int | None) -> str:
    return r"\N" if value is None else str(value)


_encode = json.JSONEncoder(separators=(",", ":")).encode


def _json(values: Mapping[str, Any] | None) -> str:
    return r"\N" if values is None else _encode(values).replace("\\", r"\\")
