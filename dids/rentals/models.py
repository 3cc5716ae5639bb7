"""Who rents which number since when, and each charge for it."""

import datetime as dt

from django.db import models

from accounts.models import Account
from billing.models import Balance, LedgerEntry
from carriers.models import Carrier
from core.fields import MoneyField
from core.phone_numbers import format_number
from dids.models import DID
from dids.plans.choices import RentalSide
from dids.plans.models import RentalPlan
from dids.rentals.choices import ChargeKind


class RentalTerm(models.Model):
    """A time during which a number is rented: bought from a carrier, or sold to an account.

    Rows are opened and closed by triggers on DIDs (migration 0002), in the transaction that maps, releases or retires
    a number, whoever writes it. Billing moves ``next_due_at`` on: the instant from which there is something to do.
    """

    did = models.ForeignKey(DID, on_delete=models.CASCADE, related_name="rental_terms")
    side = models.CharField(max_length=8, choices=RentalSide)
    carrier = models.ForeignKey(Carrier, on_delete=models.CASCADE, null=True, related_name="rental_terms")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="rental_terms")
    balance = models.ForeignKey(Balance, on_delete=models.CASCADE, related_name="rental_terms")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    begun = models.BooleanField(default=False, help_text="Whether its beginning has been charged.")
    billed_through = models.DateField(null=True, help_text="The last business day that is charged.")
    next_due_at = models.DateTimeField(null=True)
    unpaid_since = models.DateTimeField(null=True, help_text="Since when a charge finds no funds; the grace runs.")
    suspended_at = models.DateTimeField(null=True, help_text="When the number was suspended because it is unpaid.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["did", "side"], condition=models.Q(until=None), name="rental_one_open_term"
            ),
            models.CheckConstraint(
                condition=models.Q(side="bought", carrier__isnull=False, account=None)
                | models.Q(side="sold", account__isnull=False, carrier=None),
                name="rental_term_has_its_party",
            ),
        ]
        indexes = [
            models.Index(fields=["next_due_at"], condition=models.Q(next_due_at__isnull=False), name="rental_due"),
            models.Index(fields=["account", "did"], condition=models.Q(until=None), name="rental_of_account"),
            models.Index(fields=["id"], condition=models.Q(unpaid_since__isnull=False), name="rental_unpaid"),
        ]

    def __str__(self) -> str:
        return f"{self.get_side_display()} {self.did}"


class RentalCharge(models.Model):
    """One fee for one period of a term, as it stood when it fell due; ``entry`` once its balance could bear it.

    ``last`` is the last day charged, ``of_days`` the days of its month. A refund's amount is below zero.
    """

    term = models.ForeignKey(RentalTerm, on_delete=models.PROTECT, related_name="charges")
    did = models.ForeignKey(DID, on_delete=models.PROTECT, related_name="rental_charges")
    number = models.CharField(max_length=15)
    side = models.CharField(max_length=8, choices=RentalSide)
    carrier = models.ForeignKey(Carrier, on_delete=models.PROTECT, null=True, related_name="rental_charges")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, related_name="rental_charges")
    balance = models.ForeignKey(Balance, on_delete=models.PROTECT, related_name="rental_charges")
    kind = models.CharField(max_length=8, choices=ChargeKind)
    first = models.DateField()
    last = models.DateField()
    days = models.PositiveSmallIntegerField()
    of_days = models.PositiveSmallIntegerField()
    plan = models.ForeignKey(RentalPlan, on_delete=models.PROTECT, related_name="rental_charges")
    plan_name = models.CharField(max_length=100)
    fee = MoneyField()
    amount = MoneyField()
    currency = models.CharField(max_length=3)
    due_at = models.DateTimeField()
    charged_at = models.DateTimeField(null=True)
    entry = models.OneToOneField(LedgerEntry, on_delete=models.PROTECT, null=True, related_name="rental_charge")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["term", "kind", "first"], name="rental_charged_once"),
            models.CheckConstraint(
                condition=models.Q(charged_at=None, entry=None) | models.Q(charged_at__isnull=False),
                name="rental_entry_is_charged",
            ),
        ]
        indexes = [
            models.Index(fields=["balance", "due_at", "id"], condition=models.Q(charged_at=None), name="rental_open"),
            models.Index(fields=["account", "-due_at"], name="rental_charges_of_account"),
            models.Index(fields=["did", "-due_at"], name="rental_charges_of_did"),
        ]

    def __str__(self) -> str:
        return self.words

    @property
    def key(self) -> str:
        """Return the ledger's idempotency key: one number, side, holder's term, kind and period."""
        return f"rental:{self.did_id}:{self.side}:{self.term_id}:{self.kind}:{self.first:%Y%m%d}"

    @property
    def period(self) -> str:
        """Return "14–30 Nov 2026 (17 of 30 days)"."""
        return period_words(self.first, self.last, self.days, self.of_days)

    @property
    def words(self) -> str:
        """Return what a statement and an invoice say of it."""
        number = format_number(self.number)
        if self.kind == ChargeKind.SETUP:
            return f"Set-up of {number}, {day_words(self.first)}"
        what = "Refund of rental of" if self.kind == ChargeKind.REFUND else "Rental of"
        return f"{what} {number}, {self.period}"


def day_words(day: dt.date) -> str:
    """Return "1 Nov 2026"."""
    return f"{day.day} {day:%b %Y}"


def period_words(first: dt.date, last: dt.date, days: int, of_days: int) -> str:
    """Return days of one month, with their share of it where it is not whole."""
    span = day_words(first) if first == last else f"{first.day}–{day_words(last)}"
    return span if days == of_days else f"{span} ({days} of {of_days} days)"
