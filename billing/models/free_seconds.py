"""Free seconds: how many charged seconds of a business month cost nothing, and how many of them are gone."""

from django.db import models


class FreeSeconds(models.Model):
    """What one account used of the free seconds of a business month, and what is held for calls that last.

    ``did_id`` is that of the DID whose own price grants them, None where the account's product does. How many are
    granted stands in the configuration; an id is no foreign key, so that the count outlives what it refers to.
    """

    account_id = models.BigIntegerField()
    did_id = models.BigIntegerField(null=True)
    month = models.DateField(help_text="First day of the business month of the calls' set-up.")
    used = models.PositiveIntegerField(default=0)
    held = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account_id", "did_id", "month"], nulls_distinct=False, name="free_seconds_once_a_month"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.used} s used in {self.month:%Y-%m}"
