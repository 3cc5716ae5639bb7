"""The billing settings: one row."""

import re
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.urls import reverse

from core.history import tracked

# The only row's key.
THE_ONE = 1
_PREFIX = re.compile(r"(?:[A-Z0-9/_-]|\{year\})*", re.ASCII)

tax_percent = [MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))]
one_line = RegexValidator(r"^[^\r\n\x00-\x1f\x7f]*$", "One line, please.")


def number_prefix(value: str) -> None:
    """Raise ValidationError for what cannot stand before the digits of a number."""
    if not _PREFIX.fullmatch(value):
        raise ValidationError("Capital letters, digits, hyphens, slashes, underscores and {year}, such as INV-{year}-.")
    if value and (value[-1].isdigit() or value.endswith("{year}")):
        # "A1" and 00001 would read like "A" and 100001.
        raise ValidationError("End it with a letter or a sign: the number's digits follow.")


def percent_text(rate: Decimal | None) -> str:
    """Return a rate without needless zeros: "20", "7.7"."""
    if rate is None:
        return ""
    return f"{rate:.3f}".rstrip("0").rstrip(".") or "0"


class LineDetail(models.TextChoices):
    """How an invoice sums up calls."""

    DID = "did", "One line per DID"
    DAY = "day", "One line per day"


@tracked()
class BillingSettings(models.Model):
    """What stands on every invoice, and how it is numbered and sent."""

    name = models.CharField("company", max_length=200, blank=True, validators=[one_line])
    address = models.TextField(max_length=500, blank=True)
    tax_id = models.CharField("tax id", max_length=50, blank=True, validators=[one_line])
    footer = models.CharField(max_length=250, blank=True, validators=[one_line])
    tax_name = models.CharField(max_length=20, default="VAT", validators=[one_line])
    tax_rate = models.DecimalField(
        "tax rate, %", max_digits=6, decimal_places=3, default=Decimal(0), validators=tax_percent
    )
    payment_days = models.PositiveSmallIntegerField("days to pay", default=14, validators=[MaxValueValidator(365)])
    payment_terms = models.TextField(max_length=500, blank=True)
    invoice_prefix = models.CharField(max_length=20, blank=True, default="INV-{year}-", validators=[number_prefix])
    credit_note_prefix = models.CharField(max_length=20, blank=True, default="CN-{year}-", validators=[number_prefix])
    line_detail = models.CharField("calls on invoices", max_length=3, choices=LineDetail, default=LineDetail.DID)
    mail_from = models.EmailField("e-mail from", blank=True)
    reply_to = models.EmailField("replies to", blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "billing settings"
        constraints = [models.CheckConstraint(condition=models.Q(pk=THE_ONE), name="billing_settings_once")]

    def __str__(self) -> str:
        return "Billing settings"

    def get_absolute_url(self) -> str:
        """Return the address of the settings' page."""
        return reverse("seller:billingsettings")

    @property
    def missing(self) -> list[str]:
        """Return what an invoice cannot do without."""
        return [words for words, value in (("company", self.name), ("address", self.address)) if not value.strip()]
