"""Calls and money rolled up by business day, and what keeps the roll-up equal to the records it is made of."""

from typing import Any

from django.db import models

from accounts.models import Account, Client
from carriers.models import Carrier
from cdr.reports.choices import MoneyKind
from core.fields import MoneyField
from dids.models import DID


def _party(model: type[models.Model]) -> Any:
    # As on the CDR: what was deleted since stays counted, and no lock is taken on the row of a party.
    return models.ForeignKey(
        model, on_delete=models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )


PARTIES = ("carrier", "did", "client", "account")


class TrafficDay(models.Model):
    """The ended calls of one business day between the same parties; a call belongs to the day of its set-up.

    Microseconds, so that sums are exact: the talk time of the answered calls, the post-dial delay of those that rang.
    """

    day = models.DateField()
    carrier = _party(Carrier)
    did = _party(DID)
    client = _party(Client)
    account = _party(Account)
    attempts = models.PositiveIntegerField()
    seizures = models.PositiveIntegerField()
    answered = models.PositiveIntegerField()
    effective = models.PositiveIntegerField()
    rang = models.PositiveIntegerField()
    talk_us = models.PositiveBigIntegerField()
    pdd_us = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", *PARTIES], nulls_distinct=False, name="traffic_once_per_day")
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.attempts} attempts"


class MoneyDay(models.Model):
    """What the same parties' calls and rentals of one business day come to, in one currency."""

    day = models.DateField()
    carrier = _party(Carrier)
    did = _party(DID)
    client = _party(Client)
    account = _party(Account)
    kind = models.CharField(max_length=16, choices=MoneyKind)
    currency = models.CharField(max_length=3)
    entries = models.PositiveIntegerField(help_text="Charged legs, or rental charges.")
    charged_seconds = models.PositiveBigIntegerField()
    amount = MoneyField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", *PARTIES, "kind", "currency"], nulls_distinct=False, name="money_once_per_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.amount} {self.currency}"


class Mark(models.Model):
    """Something of this quarter of an hour changed; written in the transaction of the change, taken by the renewal.

    Without any unique key: writers never wait for each other.
    """

    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["at"], name="marks_of_a_day")]

    def __str__(self) -> str:
        return str(self.at)


class RolledDay(models.Model):
    """When a business day was rolled up last, in which time zone, and how long that took."""

    day = models.DateField(primary_key=True)
    zone = models.CharField(max_length=64)
    renewed_at = models.DateTimeField()
    seconds = models.FloatField()

    def __str__(self) -> str:
        return str(self.day)
