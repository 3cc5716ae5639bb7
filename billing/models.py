"""What calls cost and whose money pays for them."""

from decimal import Decimal

import pgtrigger
from django.conf import settings
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.urls import reverse

from billing.choices import EntryKind, ProductKind, ReservationState
from core.fields import ZERO, MoneyField
from core.history import tracked

FREE_INBOUND = "free inbound"

digits_or_empty = RegexValidator(r"^[0-9]{0,15}$", "Digits only, at most 15, such as 4420; empty matches every number.")
currency_code = RegexValidator(r"^[A-Z]{3}$", "Three capital letters (ISO 4217), such as USD.")


class Balance(models.Model):
    """What a ledger belongs to; ``amount`` changes only by ledger entries, written in the same transaction.

    ``reserved`` is the sum of its held reservations; free funds are amount + credit_limit - reserved.
    """

    currency = models.CharField(max_length=3, validators=[currency_code])
    amount = MoneyField(default=ZERO)
    credit_limit = MoneyField(default=ZERO, validators=[MinValueValidator(Decimal(0))])
    reserved = MoneyField(default=ZERO)

    class Meta:
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
    """One movement of a balance, never changed afterwards; positive raises it, negative lowers it."""

    balance = models.ForeignKey(Balance, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=16, choices=EntryKind)
    amount = MoneyField()
    balance_after = MoneyField()
    idempotency_key = models.CharField(max_length=120, unique=True)
    at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name_plural = "ledger entries"
        indexes = [models.Index(fields=["balance", "-at", "-id"], name="ledger_statement")]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount}"


class Reservation(models.Model):
    """Money set aside for one priced leg of one attempt; keyed so that two deciders reserve once."""

    attempt_id = models.UUIDField()
    balance = models.ForeignKey(Balance, on_delete=models.PROTECT, related_name="reservations")
    leg = models.CharField(max_length=16)
    amount = MoneyField()
    state = models.CharField(max_length=8, choices=ReservationState, default=ReservationState.HELD)
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["attempt_id", "leg"], name="reservation_once_per_leg")]
        indexes = [
            models.Index(fields=["created_at"], condition=models.Q(state="held"), name="reservation_sweep"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} for {self.attempt_id}"


@tracked()
class RateTable(models.Model):
    """A named list of rates in one currency."""

    name = models.CharField(max_length=100, unique=True)
    currency = models.CharField(max_length=3, validators=[currency_code])
    description = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of the table's page."""
        return reverse("billing:ratetable_detail", args=[self.pk])


@tracked()
class Rate(models.Model):
    """The price of calls whose E.164 number starts with ``code``; the empty code matches every number."""

    table = models.ForeignKey(RateTable, on_delete=models.CASCADE, related_name="rates")
    code = models.CharField(max_length=15, blank=True, validators=[digits_or_empty])
    description = models.CharField(max_length=200, blank=True)
    enabled = models.BooleanField(default=True, help_text="A disabled code blocks the destination.")
    rate_minute = MoneyField(default=ZERO)
    rate_call = MoneyField(default=ZERO)
    increment = models.PositiveIntegerField("increment, s", default=1, validators=[MinValueValidator(1)])
    grace = models.PositiveIntegerField("grace, s", default=0)
    minimal_duration = models.PositiveIntegerField("minimal duration, s", default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["table", "code"], name="rate_once_per_code"),
            models.CheckConstraint(condition=models.Q(increment__gte=1), name="rate_increment_at_least_one"),
        ]

    def __str__(self) -> str:
        return f"{self.table} {self.code or 'any number'}"

    def get_absolute_url(self) -> str:
        """Return the address of its table: a rate has no page of its own."""
        return reverse("billing:ratetable_detail", args=[self.table_id])


@tracked()
class Product(models.Model):
    """What a call costs and whether it may pass; ``builtin`` ones cannot be deleted."""

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=24, choices=ProductKind)
    description = models.CharField(max_length=200, blank=True)
    builtin = models.BooleanField(default=False, editable=False)

    class Meta:
        triggers = [
            pgtrigger.Protect(
                name="product_builtin_stays", operation=pgtrigger.Delete, condition=pgtrigger.Q(old__builtin=True)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of the product's page."""
        return reverse("billing:product_detail", args=[self.pk])


@tracked()
class ProductMapping(models.Model):
    """Which rate table prices numbers that start with ``prefix`` from ``starts_at`` on."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="mappings")
    prefix = models.CharField(max_length=15, blank=True, validators=[digits_or_empty])
    rate_table = models.ForeignKey(RateTable, on_delete=models.PROTECT, related_name="mappings")
    starts_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "prefix", "starts_at"], name="mapping_once_per_instant"),
        ]

    def __str__(self) -> str:
        return f"{self.product} {self.prefix or 'any number'} → {self.rate_table}"

    def get_absolute_url(self) -> str:
        """Return the address of its product: a mapping has no page of its own."""
        return reverse("billing:product_detail", args=[self.product_id])
