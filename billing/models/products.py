"""Products, their mappings, and the rate tables that price numbers."""

import pgtrigger
from django.core.validators import MinValueValidator
from django.db import models

from billing.choices import ProductKind
from billing.models.formats import at_most_a_day, currency_code, digits_or_empty
from core.addresses import page_address
from core.fields import ZERO, MoneyField
from core.history import tracked

FREE_INBOUND = "free inbound"


@tracked()
class RateTable(models.Model):
    """A named list of rates in one currency."""

    name = models.CharField(max_length=100, unique=True)
    currency = models.CharField(max_length=3, validators=[currency_code])
    description = models.CharField(max_length=200, blank=True)
    archived_at = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of the table's page."""
        return page_address("billing:ratetable_detail", self.pk)


@tracked()
class Rate(models.Model):
    """The price of calls whose E.164 number starts with ``code``; the empty code matches every number."""

    table = models.ForeignKey(RateTable, on_delete=models.CASCADE, related_name="rates")
    code = models.CharField(max_length=15, blank=True, validators=[digits_or_empty])
    description = models.CharField(max_length=200, blank=True)
    enabled = models.BooleanField(default=True, help_text="A disabled code blocks the destination.")
    rate_minute = MoneyField(default=ZERO)
    rate_call = MoneyField(default=ZERO)
    increment = models.PositiveIntegerField("increment, s", default=1, validators=[MinValueValidator(1), at_most_a_day])
    grace = models.PositiveIntegerField("grace, s", default=0, validators=[at_most_a_day])
    minimal_duration = models.PositiveIntegerField("minimal duration, s", default=0, validators=[at_most_a_day])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["table", "code"], name="rate_once_per_code"),
            models.CheckConstraint(condition=models.Q(increment__gte=1), name="rate_increment_at_least_one"),
        ]

    def __str__(self) -> str:
        return f"{self.table} {self.code or 'any number'}"

    def get_absolute_url(self) -> str:
        """Return the address of its table: a rate has no page of its own."""
        return page_address("billing:ratetable_detail", self.table_id)


@tracked()
class Product(models.Model):
    """What a call costs and whether it may pass; ``builtin`` ones cannot be deleted."""

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=24, choices=ProductKind)
    description = models.CharField(max_length=200, blank=True)
    free_seconds = models.PositiveIntegerField(
        "free seconds a month", default=0, help_text="For each account that has this product, per business month."
    )
    archived_at = models.DateTimeField(null=True, editable=False)
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
        return page_address("billing:product_detail", self.pk)


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
        return page_address("billing:product_detail", self.product_id)
