"""The second half of a bulk change: write what the preview said, whole or not at all; and take it back.

One transaction each. Before anything is written every row that the preview spoke of must still be the version it was
(PostgreSQL's xmin); so what was previewed is what happens, or nothing does and the job says what was in the way.
"""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from psycopg2 import errors, sql

from core.history import acting
from core.jobs.choices import JobState, LineOutcome
from core.jobs.kinds import KINDS, JobKind
from core.jobs.models import Job, Line
from core.jobs.rows import ReadError
from core.jobs.running import Progress
from core.keepers import what_keeps

# Lines of one statement: enough to be fast, few enough that the progress moves.
PORTION = 10_000
NAMED = 5
# Jobs of all kinds that write one table queue: two that overlap would meet each other's rows in any order.
TABLE_LOCK = "SELECT pg_advisory_xact_lock(hashtext('bulk change of ' || %s))"
# What becomes of the lines of an outcome from the first to the last of a portion; returns how many rows it wrote.
Steps = tuple[tuple[LineOutcome, Callable[[int, int, LineOutcome], int]], ...]


class Refused(Exception):
    """The job cannot be applied or undone as things stand; nothing was changed. The message says why."""


def apply_job(job: Job) -> None:
    """Write what the job's preview says and note who did it. Raise Refused where something changed since."""
    kind = KINDS[job.kind]
    progress = Progress(job.pk, "Comparing with the preview", job.changing)
    writer = Writer(kind, job)
    try:
        reason = {"reason": job.options["reason"]} if job.options.get("reason") else {}
        with transaction.atomic(), acting(job.applied_by, job=job.pk, **reason):
            writer.lock_table()
            kind.check(job)
            writer.require_unchanged()
            # What is deleted makes room for what is new.
            steps: Steps = (
                (LineOutcome.DELETED, writer.remove),
                (LineOutcome.NEW, writer.insert),
                (LineOutcome.CHANGED, writer.update),
                (LineOutcome.DISABLED, writer.update),
            )
            done = _write(writer, steps, progress, "Writing")
            if done != job.changing:
                raise Refused(f"{job.changing - done:,} rows changed at the last moment. Preview it again.")
            _finish(job, JobState.APPLIED, applied_at=timezone.now(), applied_xid=writer.own_xid(), error="")
            progress.saying("Putting it in force")
    except ReadError as error:
        raise Refused(str(error)) from error
    except DatabaseError as error:
        raise Refused(_words(error)) from error


def undo_job(job: Job) -> None:
    """Put back what the job changed. Raise Refused where any of its rows has changed since it was applied."""
    kind = KINDS[job.kind]
    progress = Progress(job.pk, "Looking for later changes", job.changing)
    writer = Writer(kind, job)
    try:
        with transaction.atomic(), acting(job.undone_by, job=job.pk):
            writer.lock_table()
            writer.require_untouched()
            writer.require_unkept()
            steps: Steps = (
                (LineOutcome.CHANGED, writer.put_back),
                (LineOutcome.DISABLED, writer.put_back),
                (LineOutcome.NEW, writer.delete),
                (LineOutcome.DELETED, writer.restore),
            )
            done = _write(writer, steps, progress, "Putting back")
            if done != job.changing:
                raise Refused(f"{job.changing - done:,} rows changed at the last moment.")
            _finish(job, JobState.UNDONE, undone_at=timezone.now(), error="")
            progress.saying("Putting it in force")
    except DatabaseError as error:
        raise Refused(_words(error)) from error


def _write(writer: "Writer", steps: Steps, progress: Progress, what: str) -> int:
    """Take each step portion by portion, in this order; return how many rows were written."""
    done = 0
    for outcome, write in steps:
        for first, last in writer.portions(outcome):
            progress.what = what
            done += write(first, last, outcome)
            progress.done(done)
    return done


def _finish(job: Job, state: JobState, **values: Any) -> None:
    for name, value in {"state": state, "state_since": timezone.now(), **values}.items():
        setattr(job, name, value)
    job.save(update_fields=["state", "state_since", *values])


def _words(error: DatabaseError) -> str:
    """Return why PostgreSQL refused to write; raise what is no refusal, such as a lost connection."""
    cause = error.__cause__
    if isinstance(cause, errors.UniqueViolation):
        return f"A row was added by somebody else at this moment ({cause.diag.message_detail}). Preview it again."
    if isinstance(cause, errors.ForeignKeyViolation):
        if "still referenced" not in (cause.diag.message_detail or ""):
            return f"What a row refers to is gone ({cause.diag.message_detail})."
        table = cause.diag.table_name or ""
        names = {model._meta.db_table: model._meta.verbose_name_plural for model in apps.get_models()}
        by = names.get(table, table)
        return f"A row that would be deleted is referred to by {by} ({cause.diag.message_detail})."
    if isinstance(cause, errors.CheckViolation):
        return f"A rule of the database refuses a row ({cause.diag.constraint_name}). Preview it again."
    if isinstance(cause, errors.DeadlockDetected):
        return "Somebody changed the same rows at this moment. Preview it again."
    raise error


class Writer:
    """The SQL of one job: its lines joined with the table they speak of.

    Rows are written from the lines' JSON by PostgreSQL itself; a hundred thousand never pass through Python.
    """

    def __init__(self, kind: JobKind, job: Job) -> None:
        self.kind, self.job = kind, job
        self.names = {
            "table": sql.Identifier(kind.model._meta.db_table),
            "lines": sql.Identifier(Line._meta.db_table),
            "written": _listed(kind.written),
            "read": sql.SQL(", ").join(sql.SQL("a.{}").format(sql.Identifier(name)) for name in kind.written),
            "stamped": _listed(kind.stamps),
            "same_key": sql.SQL(" AND ").join(
                sql.SQL("t.{0} = a.{0}").format(sql.Identifier(name)) for name in kind.key_columns
            ),
            # The row that a line's JSON describes, with the table's own types.
            "after": sql.SQL("jsonb_populate_record(NULL::{}, l.after) a").format(
                sql.Identifier(kind.model._meta.db_table)
            ),
            "before": sql.SQL("jsonb_populate_record(NULL::{}, l.before) a").format(
                sql.Identifier(kind.model._meta.db_table)
            ),
        }

    def _run(self, query: str, *parameters: Any) -> Any:
        cursor = connection.cursor()
        composed = sql.SQL(query).format(**self.names).as_string(cursor.cursor.connection)
        cursor.execute(composed, parameters)
        return cursor

    def _rows(self, query: str, *parameters: Any) -> list[Any]:
        with self._run(query, *parameters) as cursor:
            return cursor.fetchall()

    def _count(self, query: str, *parameters: Any) -> int:
        with self._run(query, *parameters) as cursor:
            return cursor.rowcount

    def lock_table(self) -> None:
        """Wait for other jobs that write this table."""
        with connection.cursor() as cursor:
            cursor.execute(TABLE_LOCK, [self.kind.model._meta.db_table])

    def own_xid(self) -> int:
        """Return the id of this transaction as its rows carry it."""
        return self._rows("SELECT pg_current_xact_id()::xid::text::bigint")[0][0]

    def portions(self, outcome: LineOutcome) -> list[tuple[int, int]]:
        """Return first and last line of each portion of the lines with this outcome."""
        return self._rows(
            "SELECT min(line), max(line) FROM (SELECT line, (row_number() OVER (ORDER BY line) - 1) / %s AS portion "
            "FROM {lines} WHERE job_id = %s AND outcome = %s) p GROUP BY portion ORDER BY portion",
            PORTION, self.job.pk, outcome.value,
        )  # fmt: skip

    def require_unchanged(self) -> None:
        """Lock the rows that change, and raise Refused unless all are as they were when the preview was made."""
        self._run(
            "SELECT 1 FROM {table} WHERE id IN "
            "(SELECT row_id FROM {lines} WHERE job_id = %s AND outcome IN ('changed', 'disabled', 'deleted')) "
            "ORDER BY id FOR NO KEY UPDATE",
            self.job.pk,
        ).close()
        moved = self._rows(
            "SELECT l.line, l.key, t.id IS NULL FROM {lines} l LEFT JOIN {table} t ON t.id = l.row_id "
            "WHERE l.job_id = %s AND l.outcome IN ('changed', 'disabled', 'deleted', 'unchanged') "
            "AND t.xmin::text::bigint IS DISTINCT FROM l.version ORDER BY l.line",
            self.job.pk,
        )
        there = self._rows(
            "SELECT l.line, l.key FROM {lines} l CROSS JOIN LATERAL {after} JOIN {table} t ON {same_key} "
            "WHERE l.job_id = %s AND l.outcome = 'new' ORDER BY l.line",
            self.job.pk,
        )
        reasons = [f"line {line}: {key} has been added" for line, key in there]
        reasons += [f"line {line}: {key} has been {'deleted' if gone else 'changed'}" for line, key, gone in moved]
        if reasons:
            raise Refused(
                f"Nothing was changed: since the preview {_named(reasons)}. Preview it again to see what it does now."
            )

    def require_untouched(self) -> None:
        """Lock what the job wrote, and raise Refused unless all of it is as the job left it."""
        self._run(
            "SELECT 1 FROM {table} WHERE xmin::text::bigint = %s ORDER BY id FOR UPDATE", self.job.applied_xid
        ).close()
        touched = self._rows(
            "SELECT l.line, l.key, t.id IS NULL FROM {lines} l LEFT JOIN {table} t ON t.id = l.row_id "
            "WHERE l.job_id = %s AND l.outcome IN ('changed', 'disabled') "
            "AND t.xmin::text::bigint IS DISTINCT FROM %s "
            "UNION ALL SELECT l.line, l.key, t.id IS NULL FROM {lines} l CROSS JOIN LATERAL {after} "
            "LEFT JOIN {table} t ON {same_key} WHERE l.job_id = %s AND l.outcome = 'new' "
            "AND t.xmin::text::bigint IS DISTINCT FROM %s ORDER BY 1",
            self.job.pk, self.job.applied_xid, self.job.pk, self.job.applied_xid,
        )  # fmt: skip
        reasons = [f"line {line}: {key} has been {'deleted' if gone else 'changed'}" for line, key, gone in touched]
        again = self._rows(
            "SELECT l.line, l.key FROM {lines} l CROSS JOIN LATERAL {before} JOIN {table} t ON {same_key} "
            "WHERE l.job_id = %s AND l.outcome = 'deleted' ORDER BY l.line",
            self.job.pk,
        )
        reasons += [f"line {line}: {key} has been added again" for line, key in again]
        if reasons:
            raise Refused(f"It cannot be undone: since it was applied, {_named(reasons)}.")

    def require_unkept(self) -> None:
        """Raise Refused where something refers for good to a row that the job added."""
        reasons: list[str] = []
        for first, last in self.portions(LineOutcome.NEW):
            rows = self._rows(
                "SELECT l.line, l.key, t.id FROM {lines} l CROSS JOIN LATERAL {after} JOIN {table} t ON {same_key} "
                "WHERE l.job_id = %s AND l.outcome = 'new' AND l.line BETWEEN %s AND %s ORDER BY l.line",
                self.job.pk, first, last,
            )  # fmt: skip
            kept = what_keeps(self.kind.model, [pk for *_, pk in rows])
            reasons += [f"line {line}: {key} has {' and '.join(kept[pk])}" for line, key, pk in rows if pk in kept]
        if reasons:
            raise Refused(f"It cannot be undone: {_named(reasons)}. {self.kind.instead}".rstrip())

    def insert(self, first: int, last: int, outcome: LineOutcome) -> int:
        """Write the new rows of a portion."""
        stamps = sql.SQL("").join(sql.SQL(", now()") for _ in self.kind.stamps)
        comma = sql.SQL(", ") if self.kind.stamps else sql.SQL("")
        self.names |= {"comma": comma, "now": stamps}
        return self._count(
            "INSERT INTO {table} ({written}{comma}{stamped}) SELECT {read}{now} FROM {lines} l "
            "CROSS JOIN LATERAL {after} WHERE l.job_id = %s AND l.outcome = 'new' AND l.line BETWEEN %s AND %s "
            "ORDER BY l.line",
            self.job.pk, first, last,
        )  # fmt: skip

    def restore(self, first: int, last: int, outcome: LineOutcome) -> int:
        """Write the deleted rows of a portion again, under their own ids."""
        return self._count(
            "INSERT INTO {table} (id, {written}) SELECT l.row_id, {read} FROM {lines} l "
            "CROSS JOIN LATERAL {before} WHERE l.job_id = %s AND l.outcome = 'deleted' AND l.line BETWEEN %s AND %s "
            "ORDER BY l.line",
            self.job.pk, first, last,
        )  # fmt: skip

    def remove(self, first: int, last: int, outcome: LineOutcome) -> int:
        """Delete the rows of a portion that stood before the job."""
        return self._count(
            "DELETE FROM {table} t USING {lines} l WHERE t.id = l.row_id AND l.job_id = %s "
            "AND l.outcome = 'deleted' AND l.line BETWEEN %s AND %s",
            self.job.pk, first, last,
        )  # fmt: skip

    def update(self, first: int, last: int, outcome: LineOutcome) -> int:
        """Write the changed columns of a portion."""
        return self._set("after", first, last, outcome)

    def put_back(self, first: int, last: int, outcome: LineOutcome) -> int:
        """Write what the changed columns of a portion held before."""
        return self._set("before", first, last, outcome)

    def _set(self, side: str, first: int, last: int, outcome: LineOutcome) -> int:
        stored = sql.Identifier("l", side)
        kept = [
            sql.SQL("{0} = CASE WHEN {1} ? {2} THEN a.{0} ELSE t.{0} END").format(
                sql.Identifier(name), stored, sql.Literal(name)
            )
            for name in self.kind.written
        ]
        kept += [
            sql.SQL("{0} = CASE WHEN {1} ? {2} THEN now() ELSE t.{0} END").format(
                sql.Identifier(stamp), stored, sql.Literal(name)
            )
            for stamp, name in self.kind.stamps.items()
        ]
        self.names |= {"set": sql.SQL(", ").join(kept), "side": self.names[side]}
        return self._count(
            "UPDATE {table} t SET {set} FROM {lines} l CROSS JOIN LATERAL {side} WHERE t.id = l.row_id "
            "AND l.job_id = %s AND l.outcome = %s AND l.line BETWEEN %s AND %s",
            self.job.pk, outcome.value, first, last,
        )  # fmt: skip

    def delete(self, first: int, last: int, outcome: LineOutcome) -> int:
        """Delete the rows of a portion that the job added."""
        return self._count(
            "DELETE FROM {table} t USING {lines} l CROSS JOIN LATERAL {after} WHERE {same_key} "
            "AND l.job_id = %s AND l.outcome = 'new' AND l.line BETWEEN %s AND %s",
            self.job.pk, first, last,
        )  # fmt: skip


def _listed(names: Any) -> sql.Composable:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)


def _named(reasons: list[str]) -> str:
    more = f", and {len(reasons) - NAMED:,} more" if len(reasons) > NAMED else ""
    return ", ".join(reasons[:NAMED]) + more
