"""Configuration versions, inbound attempts with their decision records, and trace requests."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class ConfigVersion(models.Model):
    """One committed change of what the evaluation reads; ids follow commit order (see the migration's trigger)."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=Now())
    pruned = models.BooleanField(default=False, db_default=False, help_text="What it changed is not all kept any more.")

    def __str__(self) -> str:
        return str(self.id)


class ConfigChange(models.Model):
    """The new body of one row in one version; null when the row was deleted."""

    version = models.ForeignKey(ConfigVersion, on_delete=models.CASCADE, related_name="changes")
    kind = models.CharField(max_length=32)
    row_id = models.BigIntegerField()
    body = models.JSONField(null=True)

    class Meta:
        indexes = [models.Index(fields=["kind", "row_id", "-version"], name="config_change_of_row")]

    def __str__(self) -> str:
        return f"{self.kind} {self.row_id} in {self.version_id}"


class Attempt(models.Model):
    """One inbound INVITE with the decision made about it and the worker's own; partitioned by ``started_at``.

    ``decided_reason`` is the switch's final word after checks 1 to 14, ``record`` the worker's full decision.
    """

    attempt_id = models.UUIDField(primary_key=True)
    started_at = models.DateTimeField()
    switch = models.CharField(max_length=64)
    source = models.GenericIPAddressField(null=True)
    call_id = models.CharField(max_length=256, blank=True)
    call = models.JSONField(default=dict, help_text="The INVITE's parts as the switch read them.")
    decider = models.CharField(max_length=64, blank=True)
    config_version = models.BigIntegerField(null=True)
    facts = models.JSONField(default=dict)
    decided_reason = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=40, blank=True, help_text="The worker's own verdict.")
    record = models.JSONField(null=True)
    differs = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["-started_at"], name="attempt_newest_first"),
            models.Index(fields=["-started_at"], condition=models.Q(differs=True), name="attempt_differing"),
        ]

    def __str__(self) -> str:
        return str(self.attempt_id)


class TraceRequest(models.Model):
    """A person's wish to record the SIP messages of the next call to one DID or alias."""

    kind = models.CharField(max_length=8, choices=[("did", "DID"), ("alias", "Alias")])
    object_id = models.BigIntegerField()
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    fulfilled_at = models.DateTimeField(null=True)
    attempt_id = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "object_id"],
                condition=models.Q(fulfilled_at__isnull=True),
                name="trace_request_one_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"
