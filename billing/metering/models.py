"""Calls that cost something, from the question for funds to their end."""

from django.db import models


class MeteredCall(models.Model):
    """A paid call, or one refused for want of funds: what was answered first is what every decider answers.

    ``lacking`` names the leg without funds: of a refused call, or of one that cannot be extended any more. The legs'
    money is in their reservations; ``seconds`` of talk are paid for on every leg. Times are the switch's own.
    """

    attempt_id = models.UUIDField(primary_key=True)
    switch = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    refused = models.BooleanField(default=False)
    lacking = models.CharField(max_length=16, blank=True)
    seconds = models.PositiveIntegerField(default=0)
    max_seconds = models.PositiveIntegerField()
    answered_at = models.DateTimeField(null=True)
    dialog_entry = models.BigIntegerField(null=True)
    dialog_id = models.BigIntegerField(null=True)
    over_at = models.DateTimeField(null=True, help_text="When the switch said that the call is over.")
    closed_at = models.DateTimeField(null=True, help_text="When its reservations were closed, or it was refused.")

    class Meta:
        indexes = [
            models.Index(fields=["switch", "started_at"], condition=models.Q(closed_at=None), name="metered_open"),
            models.Index(fields=["closed_at"], condition=models.Q(closed_at__isnull=False), name="metered_closed"),
        ]

    def __str__(self) -> str:
        return str(self.attempt_id)
