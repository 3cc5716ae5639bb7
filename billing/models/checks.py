"""Runs of the ledger's check."""

from django.db import models
from django.urls import reverse


class LedgerCheck(models.Model):
    """One run: what it went through, and every difference it found."""

    at = models.DateTimeField()
    seconds = models.FloatField()
    balances = models.PositiveIntegerField()
    entries = models.PositiveBigIntegerField()
    found = models.PositiveIntegerField()

    class Meta:
        indexes = [models.Index(fields=["-at"], name="ledger_check_newest")]

    def __str__(self) -> str:
        return f"{self.found} differences" if self.found else "adds up"

    def get_absolute_url(self) -> str:
        """Return the address of the last run's page."""
        return reverse("billing:ledgercheck")


class LedgerDifference(models.Model):
    """One thing that a run found not to add up; ``balance_id`` and ``attempt_id`` are what it is about."""

    check_run = models.ForeignKey(LedgerCheck, on_delete=models.CASCADE, related_name="differences")
    words = models.TextField()
    balance_id = models.BigIntegerField(null=True)
    attempt_id = models.UUIDField(null=True)

    def __str__(self) -> str:
        return self.words
