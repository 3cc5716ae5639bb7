"""System Log, web access log, and the book-keeping of the switch's event stream."""

from django.contrib.postgres.indexes import GinIndex
from django.db import models

from core.addresses import page_address
from systemlog.choices import Category, Severity


class LogEntry(models.Model):
    """One thing that happened, in words; partitioned by the time at its source.

    ``refs`` names what it is about as ``[{"kind": "carrier", "id": 3, "label": "Acme"}, …]``, never by foreign key:
    an entry outlives what it speaks of, and syslog knows nothing of the apps above it.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    category = models.CharField(max_length=16, choices=Category)
    severity = models.CharField(max_length=8, choices=Severity)
    reason = models.CharField(max_length=40, blank=True)
    message = models.TextField()
    refs = models.JSONField(default=list)
    attempt_id = models.UUIDField(null=True)
    number = models.CharField(max_length=64, blank=True)
    source = models.GenericIPAddressField(null=True)
    call_id = models.CharField(max_length=256, blank=True)

    class Meta:
        verbose_name_plural = "log entries"
        indexes = [
            models.Index(fields=["-at", "-id"], name="log_newest_first"),
            models.Index(fields=["category", "-at"], name="log_by_category"),
            models.Index(fields=["attempt_id"], name="log_by_attempt"),
            models.Index(fields=["number", "-at"], name="log_by_number"),
            models.Index(fields=["source", "-at"], name="log_by_source"),
            models.Index(fields=["call_id"], name="log_by_call_id"),
            GinIndex(fields=["refs"], opclasses=["jsonb_path_ops"], name="log_by_ref"),
        ]

    def __str__(self) -> str:
        return self.message


class AccessEntry(models.Model):
    """One access to the portal or an attempt at it; partitioned by time."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    address = models.GenericIPAddressField(null=True)
    user_id = models.BigIntegerField(null=True)
    user_label = models.CharField(max_length=150, blank=True)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=512)
    status = models.PositiveSmallIntegerField()
    result = models.CharField(max_length=32, blank=True)
    duration_ms = models.PositiveIntegerField()
    user_agent = models.CharField(max_length=256, blank=True)

    class Meta:
        verbose_name_plural = "access entries"
        indexes = [
            models.Index(fields=["-at", "-id"], name="access_newest_first"),
            models.Index(fields=["user_id", "-at"], name="access_by_user"),
            models.Index(fields=["address", "-at"], name="access_by_address"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"


class Switch(models.Model):
    """A switch that may send events and ask for decisions; of its token only a SHA-256 digest is kept."""

    name = models.CharField(max_length=64, unique=True)
    token_digest = models.CharField(max_length=64, blank=True)
    enabled = models.BooleanField(default=True)
    description = models.CharField(max_length=200, blank=True)
    version = models.CharField(max_length=64, blank=True, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    stopped_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name_plural = "switches"

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of the switch's page."""
        return page_address("syslog:switch_detail", self.pk)


class SeenEvent(models.Model):
    """The identity of an event already taken in; what drops repeats. Kept longer than any possible replay."""

    event_id = models.CharField(max_length=160, primary_key=True)
    seen_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["seen_at"], name="seen_event_expiry")]

    def __str__(self) -> str:
        return self.event_id


class DeadLetter(models.Model):
    """An event that failed five times, kept for a person to read, mend and retry."""

    event_id = models.CharField(max_length=160, blank=True)
    stream_id = models.CharField(max_length=40, blank=True)
    body = models.TextField()
    error = models.TextField()
    failures = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True)
    resolution = models.CharField(max_length=16, blank=True)
    resolved_by = models.CharField(max_length=150, blank=True)

    class Meta:
        indexes = [models.Index(fields=["resolved_at", "-created_at"], name="dead_letter_open_first")]

    def __str__(self) -> str:
        return self.event_id or self.stream_id

    def get_absolute_url(self) -> str:
        return page_address("syslog:deadletter_detail", self.pk)


class ReadPosition(models.Model):
    """How far something is read that grows: a file of a switch's record (its folder and inode), or a table."""

    source = models.CharField(max_length=255, primary_key=True)
    offset = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.source} at {self.offset}"
