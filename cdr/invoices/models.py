"""Invoices and credit notes, their lines, what they bill, and how they are numbered."""

import datetime as dt
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.urls import reverse

from accounts.models import Account, Client
from billing.models import LedgerEntry
from cdr.invoices.choices import CreditEffect, InvoiceKind, InvoiceState, LineKind, RunOutcome, RunState
from cdr.invoices.triggers import ENTRY, INVOICE, LINE, issued_at_once, kept
from core.fields import ZERO, MoneyField


class NumberSeries(models.Model):
    """The last number given after one prefix; locked by whoever issues, so that no number is lost or given twice."""

    prefix = models.CharField(max_length=24, primary_key=True)
    last = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "number series"
        constraints = [
            # "A1" and 00001 would read like "A" and 100001.
            models.CheckConstraint(condition=~models.Q(prefix__regex=r"[0-9]$"), name="number_series_ends_in_no_digit")
        ]

    def __str__(self) -> str:
        return f"{self.prefix}{self.last:05d}"


class Invoice(models.Model):
    """An invoice or a credit note, with seller, client and sums as they were when it was issued.

    Amounts of a credit note are below zero. ``lines_sum`` is the exact sum of the lines; ``rounding`` brings it to
    what can be paid, so that lines_sum + rounding + tax = gross (of prices that include tax: lines_sum + rounding =
    gross, and the tax is in it). ``due`` is what the balance did not cover.
    """

    kind = models.CharField(max_length=11, choices=InvoiceKind, default=InvoiceKind.INVOICE)
    state = models.CharField(max_length=8, choices=InvoiceState, default=InvoiceState.DRAFT)
    number = models.CharField(max_length=32, null=True, unique=True)  # noqa: DJ001 - a draft has none
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="invoices")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="invoices")
    corrects = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="credit_notes")
    effect = models.CharField(max_length=10, choices=CreditEffect, blank=True)
    first_day = models.DateField()
    last_day = models.DateField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    time_zone = models.CharField(max_length=64)
    currency = models.CharField(max_length=3)
    lines_sum = MoneyField(default=ZERO)
    rounding = MoneyField(default=ZERO)
    net = MoneyField(default=ZERO)
    tax_name = models.CharField(max_length=20)
    tax_rate = models.DecimalField("tax rate, %", max_digits=6, decimal_places=3, default=Decimal(0))
    tax_included = models.BooleanField(default=False)
    tax = MoneyField(default=ZERO)
    gross = MoneyField("total", default=ZERO)
    due = MoneyField(default=ZERO)
    due_on = models.DateField(null=True)
    seller_name = models.CharField(max_length=200, blank=True)
    seller_address = models.TextField(blank=True)
    seller_tax_id = models.CharField(max_length=50, blank=True)
    seller_footer = models.CharField(max_length=250, blank=True)
    payment_terms = models.TextField(blank=True)
    client_name = models.CharField(max_length=200)
    client_address = models.TextField(blank=True)
    client_tax_id = models.CharField(max_length=50, blank=True)
    account_name = models.CharField(max_length=100)
    tax_note = models.CharField(max_length=200, blank=True)
    note = models.CharField(max_length=200, blank=True, help_text="Why it was credited.")
    issued_at = models.DateTimeField(null=True)
    issued_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "first_day", "last_day"],
                condition=models.Q(state="draft", kind="invoice"),
                name="invoice_one_draft",
                violation_error_message="There is a draft for this account and period already.",
            ),
            models.CheckConstraint(
                condition=models.Q(state="draft") | models.Q(number__isnull=False, issued_at__isnull=False),
                name="invoice_issued_has_number",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="invoice", corrects=None, effect="")
                | models.Q(kind="credit_note", corrects__isnull=False),
                name="invoice_credit_note_corrects",
            ),
            models.CheckConstraint(condition=models.Q(ends_at__gt=models.F("starts_at")), name="invoice_period"),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="invoice_newest_first"),
            models.Index(fields=["account", "-created_at"], name="invoice_of_account"),
            models.Index(fields=["client", "-created_at"], name="invoice_of_client"),
        ]
        triggers = [kept("invoice_stays", INVOICE), issued_at_once("credit_note_issued")]

    def __str__(self) -> str:
        if self.number:
            return self.number
        return f"Draft for {self.account_name}, {self.period}"

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return reverse("invoices:invoice_detail", args=[self.pk])

    @property
    def title(self) -> str:
        """Return what stands over it: "Invoice INV-2026-00001"."""
        return f"{self.get_kind_display()} {self.number or '(draft)'}"

    @property
    def list_name(self) -> str:
        """Return its number, or that it has none yet."""
        return self.number or "Draft"

    @property
    def period(self) -> str:
        """Return its days in words: "October 2026" or "3–14 Oct 2026"."""
        return period_words(self.first_day, self.last_day)


class InvoiceLine(models.Model):
    """A line: one kind of charges of a DID, a day or by itself; ``late`` for what belongs before the period."""

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=LineKind)
    description = models.CharField(max_length=300)
    quantity = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    unit = models.CharField(max_length=16, blank=True)
    amount = MoneyField()
    late = models.BooleanField(default=False)
    corrects = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="credits")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["invoice", "position"], name="invoice_line_once")]
        triggers = [kept("invoice_line_stays", LINE)]

    def __str__(self) -> str:
        return self.description


class InvoicedEntry(models.Model):
    """That a line bills a ledger entry; no entry is billed twice, until a credit note releases it."""

    entry = models.ForeignKey(LedgerEntry, on_delete=models.PROTECT, related_name="billed", db_index=False)
    line = models.ForeignKey(InvoiceLine, on_delete=models.PROTECT, related_name="entries")
    released = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "invoiced entries"
        constraints = [
            models.UniqueConstraint(fields=["entry"], condition=models.Q(released=False), name="entry_billed_once")
        ]
        triggers = [kept("invoiced_entry_stays", ENTRY)]

    def __str__(self) -> str:
        return f"{self.entry_id} on {self.line_id}"


class InvoiceRun(models.Model):
    """Invoices of one period for all accounts that have something to bill: previewed, then issued by a worker."""

    first_day = models.DateField()
    last_day = models.DateField()
    send = models.BooleanField(default=False, help_text="Whether each goes to its client by e-mail.")
    state = models.CharField(max_length=8, choices=RunState, default=RunState.PREVIEW)
    state_since = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["id"], condition=models.Q(state="issuing"), name="invoice_run_working")]

    def __str__(self) -> str:
        return f"Invoices of {self.period}"

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return reverse("invoices:invoicerun_detail", args=[self.pk])

    @property
    def period(self) -> str:
        """Return its days in words."""
        return period_words(self.first_day, self.last_day)


class RunAccount(models.Model):
    """One account of a run: what it would be billed when it was previewed, and what became of it."""

    run = models.ForeignKey(InvoiceRun, on_delete=models.CASCADE, related_name="accounts")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    currency = models.CharField(max_length=3)
    entries = models.PositiveIntegerField()
    lines_sum = MoneyField()
    net = MoneyField()
    tax = MoneyField()
    gross = MoneyField("total")
    outcome = models.CharField(max_length=8, choices=RunOutcome, default=RunOutcome.WAITING)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, null=True, related_name="+")
    message = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "account"], name="run_account_once")]
        indexes = [models.Index(fields=["run", "outcome", "id"], name="run_accounts_by_outcome")]

    def __str__(self) -> str:
        return str(self.account)


def period_words(first: dt.date, last: dt.date) -> str:
    """Return days in words, whole months by their name."""
    one_month = (first.year, first.month) == (last.year, last.month)
    if one_month and first.day == 1 and (last + dt.timedelta(days=1)).day == 1:
        return f"{first:%B %Y}"
    if first == last:
        return f"{first.day} {first:%b %Y}"
    return f"{first.day if one_month else f'{first.day} {first:%b %Y}'} – {last.day} {last:%b %Y}"
