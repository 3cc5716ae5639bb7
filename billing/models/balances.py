"""Balances and what moves or reserves them."""

from decimal import Decimal

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.urls import reverse

from billing.choices import EntryKind, ReservationState
from billing.models.formats import currency_code
from billing.models.free_seconds import FreeSeconds
from core.fields import ZERO, MoneyField


class Balance(models.Model):
    """What a ledger belongs to; ``amount`` changes only by ledger entries, written in the same transaction.

    ``reserved`` is the sum of its held reservations; free funds are amount + credit_limit - reserved.
    """

    currency = models.CharField(max_length=3, validators=[currency_code])
    amount = MoneyField(default=ZERO)
    credit_limit = MoneyField(default=ZERO, validators=[MinValueValidator(Decimal(0))])
    reserved = MoneyField(default=ZERO)
    moved_at = models.DateTimeField(null=True, editable=False, help_text="When its last entry was booked.")

    low_at = MoneyField("low-balance notice below", null=True, blank=True)
    low_email = models.EmailField("notice to", blank=True)
    low_since = models.DateTimeField(null=True, editable=False, help_text="Since when it is below low_at (trigger).")
    low_noticed_at = models.DateTimeField(null=True, editable=False, help_text="When that was told; once per crossing.")

    class Meta:
        indexes = [
            models.Index(
                fields=["low_since"],
                condition=models.Q(low_since__isnull=False, low_noticed_at__isnull=True),
                name="balance_low_untold",
            )
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(credit_limit__gte=0), name="balance_credit_limit_not_negative"),
            models.CheckConstraint(condition=models.Q(reserved__gte=0), name="balance_reserved_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    @property
    def in_credit(self) -> bool:
        """Whether balance + credit limit is above zero, which lets a carrier's calls in."""
        return self.amount + self.credit_limit > 0


class LedgerEntry(models.Model):
    """One movement of a balance, never changed afterwards; positive raises it, negative lowers it.

    ``at`` is when it was booked: entries of a balance stand in one order by time, by id and by running balance. A call
    that is told late is booked when it is told, so a statement that was once printed never changes. The call itself is
    named by its attempt id, its set-up and the leg; all call charges have them, nothing else has.
    """

    balance = models.ForeignKey(Balance, on_delete=models.PROTECT, related_name="entries", db_index=False)
    kind = models.CharField(max_length=16, choices=EntryKind)
    amount = MoneyField()
    balance_after = MoneyField()
    idempotency_key = models.CharField(max_length=120)
    at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    attempt_id = models.UUIDField(null=True)
    started_at = models.DateTimeField(null=True)
    leg = models.CharField(max_length=16, blank=True)
    receipt_number = models.PositiveBigIntegerField(null=True, editable=False)
    refund_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="refunds", db_index=False)

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(fields=["idempotency_key"], name="ledger_posted_once"),
            models.UniqueConstraint(
                fields=["receipt_number"],
                condition=models.Q(receipt_number__isnull=False),
                name="ledger_receipt_number",
            ),
        ]
        # Charges of calls, nearly all rows, are in as few of them as can be.
        indexes = [
            models.Index(fields=["balance", "-at", "-id"], name="ledger_statement"),
            models.Index(fields=["attempt_id"], condition=models.Q(attempt_id__isnull=False), name="ledger_of_call"),
            # What the change log reads every second, however many calls were charged since.
            models.Index(fields=["id"], condition=models.Q(attempt_id__isnull=True), name="ledger_without_calls"),
            models.Index(fields=["actor"], condition=models.Q(actor__isnull=False), name="ledger_of_user"),
            models.Index(fields=["refund_of"], condition=models.Q(refund_of__isnull=False), name="ledger_refunds"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount}"

    def get_absolute_url(self) -> str:
        """Return the address of the entry's page."""
        return reverse("billing:ledgerentry_detail", args=[self.pk])

    @property
    def receipt(self) -> str:
        """Return the receipt's number as it is printed; payments have one, without gaps."""
        return f"R-{self.receipt_number:06d}" if self.receipt_number else ""


class Reservation(models.Model):
    """Money set aside for one priced leg of one attempt; keyed so that two deciders reserve once.

    It holds the price that it was reckoned with, so that more is set aside at the same price as the call goes on.
    """

    attempt_id = models.UUIDField()
    balance = models.ForeignKey(Balance, on_delete=models.PROTECT, related_name="reservations")
    leg = models.CharField(max_length=16)
    amount = MoneyField()
    seconds = models.PositiveIntegerField(default=0, help_text="Charged seconds that the amount pays for.")
    rate_minute = MoneyField(default=ZERO)
    rate_call = MoneyField(default=ZERO)
    increment = models.PositiveIntegerField(default=1)
    minimal_duration = models.PositiveIntegerField(default=0)
    bucket = models.ForeignKey(FreeSeconds, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    free_seconds = models.PositiveIntegerField(default=0, help_text="Of the charged seconds, those held in the bucket.")
    free_granted = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=8, choices=ReservationState, default=ReservationState.HELD)
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["attempt_id", "leg"], name="reservation_once_per_leg")]
        indexes = [
            models.Index(fields=["created_at"], condition=models.Q(state="held"), name="reservation_sweep"),
            models.Index(fields=["balance"], condition=models.Q(state="held"), name="reservation_held"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} for {self.attempt_id}"
