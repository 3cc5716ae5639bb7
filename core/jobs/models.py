"""A bulk change, the file it came from, and its lines."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from core.addresses import page_address
from core.jobs.choices import CHANGING, WORKING, JobState, LineOutcome


class Job(models.Model):
    """One bulk change: who asked for it, where it stands, and how many lines do what.

    ``applied_xid`` is the transaction that wrote the rows: a row that still carries it has not changed since.
    """

    kind = models.CharField(max_length=40)
    source = models.CharField(max_length=200, help_text="File name, or what was chosen.")
    state = models.CharField(max_length=10, choices=JobState, default=JobState.READING)
    state_since = models.DateTimeField(db_default=Now())
    options = models.JSONField(default=dict)
    header = models.JSONField(default=list, help_text="The file's own column names.")
    headed = models.BooleanField(default=True, help_text="Whether its first row names its columns.")
    sample = models.JSONField(default=list, help_text="Its first rows.")
    columns = models.JSONField(default=dict, help_text="Position in the file by column of ours; empty: by their names.")
    format = models.CharField(max_length=60, blank=True)
    counts = models.JSONField(default=dict, help_text="Lines by outcome.")
    error = models.TextField(blank=True)
    tries = models.PositiveSmallIntegerField(default=0, help_text="How often a worker has begun the present step.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    applied_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    applied_at = models.DateTimeField(null=True)
    applied_xid = models.BigIntegerField(null=True)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "bulk change"
        indexes = [
            # What beat asks every few seconds.
            models.Index(fields=["id"], condition=models.Q(state__in=WORKING), name="job_working"),
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.pk}"

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return page_address("jobs:job_detail", self.pk)

    @property
    def label(self) -> str:
        """Return what kind of change it is, in words; of a kind that no longer exists its name."""
        from core.jobs.kinds import KINDS

        return KINDS[self.kind].label if self.kind in KINDS else self.kind

    @property
    def working(self) -> bool:
        """Tell whether a worker has it, or ought to."""
        return self.state in WORKING

    @property
    def changing(self) -> int:
        """Return how many lines change something."""
        return sum(self.counts.get(outcome.value, 0) for outcome in CHANGING)


class Source(models.Model):
    """What a job reads: an uploaded file, or the chosen rows' ids. Apart from the job, so that no list loads it."""

    job = models.OneToOneField(Job, on_delete=models.CASCADE, primary_key=True, related_name="stored")
    content = models.BinaryField()

    def __str__(self) -> str:
        return f"source of {self.job_id}"


class Line(models.Model):
    """One line of a job and what applying does with it.

    ``version`` is the row's xmin when it was planned: another one at the time of applying means that somebody was
    faster. ``before`` and ``after`` hold the columns that change (all, for a new row) as JSON of the table's row.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="lines")
    line = models.PositiveIntegerField()
    outcome = models.CharField(max_length=9, choices=LineOutcome)
    key = models.CharField(
        max_length=100, help_text="What names the row: its number, its code, or the text that was none."
    )
    row_id = models.BigIntegerField(null=True)
    version = models.BigIntegerField(null=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    message = models.TextField(blank=True)

    class Meta:
        ordering = ["line"]
        constraints = [models.UniqueConstraint(fields=["job", "line"], name="job_line_once")]
        indexes = [models.Index(fields=["job", "outcome", "line"], name="job_lines_by_outcome")]

    def __str__(self) -> str:
        return f"{self.line}: {self.key}"


class ColumnTemplate(models.Model):
    """Which column of a file holds what, kept under a name for the next file of the same making.

    ``columns`` holds by column of ours the head's word, and the position for files without a head.
    """

    kind = models.CharField(max_length=40)
    name = models.CharField(max_length=100)
    columns = models.JSONField(default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    saved_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="column_template_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def words(self) -> str:
        """Return what it says, "Code ← Prefix"."""
        from core.jobs.kinds import KINDS, ImportKind

        kind = KINDS.get(self.kind)
        labels = {column.name: column.label for column in kind.columns} if isinstance(kind, ImportKind) else {}
        return ", ".join(
            f"{labels.get(name, name)} ← {told['word'] or 'column ' + str(told['at'] + 1)}"
            for name, told in self.columns.items()
        )
