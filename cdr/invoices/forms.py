"""Forms of invoices."""

import datetime as dt
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from accounts.models import Account
from billing.currencies import amount_text
from cdr.invoices.choices import CreditEffect
from cdr.invoices.models import Invoice
from core.amounts import AmountField
from core.business_time import next_month, today


def last_month() -> dt.date:
    """Return the first day of the business month that ended last."""
    return (month_of_today() - dt.timedelta(days=1)).replace(day=1)


def month_of_today() -> dt.date:
    """Return the first day of the present business month."""
    return today().replace(day=1)


# Days beyond these are slips of the keyboard, and some of them no calendar can count on from.
possible_day = [MinValueValidator(dt.date(2000, 1, 1)), MaxValueValidator(dt.date(2100, 1, 1))]
# A form with more fields than this is none that a person fills in; such an invoice is credited as a whole.
LINES_TO_CHOOSE = 300


class _DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class AccountChoice(forms.ModelChoiceField):
    """An account with its client."""

    def label_from_instance(self, obj: Any) -> str:
        """Return "Bloom Ltd – Main office (EUR)"."""
        return f"{obj.client} – {obj} ({obj.balance.currency})"


class DraftForm(forms.Form):
    """An account and the days to bill."""

    account = AccountChoice(queryset=Account.objects.select_related("client", "balance").order_by("client", "name"))
    first_day = forms.DateField(label="From", widget=_DayInput(), initial=last_month, validators=possible_day)
    last_day = forms.DateField(
        label="To, included",
        widget=_DayInput(),
        initial=lambda: month_of_today() - dt.timedelta(days=1),
        help_text="Earlier charges that are on no invoice are billed too, and say of which month they are.",
        validators=possible_day,
    )


class CreditForm(forms.Form):
    """What a credit note credits: all that is left, or an amount of some lines."""

    reason = forms.CharField(max_length=200, help_text="Stands on the credit note.")
    effect = forms.ChoiceField(
        label="The charges", choices=CreditEffect.choices, widget=forms.RadioSelect, initial=CreditEffect.GIVE_BACK
    )
    extent = forms.ChoiceField(
        label="Credit",
        choices=(("whole", "All that is left of the invoice"), ("parts", "The amounts below")),
        widget=forms.RadioSelect,
        initial="whole",
    )
    notes_seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0)

    def __init__(self, *args: Any, invoice: Invoice, left: Mapping[int, Decimal], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["notes_seen"].initial = invoice.credit_notes.count
        self.line_fields: list[str] = []
        if len(left) > LINES_TO_CHOOSE:
            self.fields["extent"].choices = self.fields["extent"].choices[:1]  # type: ignore[attr-defined]
            return
        for line in invoice.lines.filter(pk__in=list(left)):
            name = f"line_{line.pk}"
            self.line_fields.append(name)
            self.fields[name] = AmountField(
                label=line.description,
                required=False,
                help_text=f"Up to {amount_text(left[line.pk], invoice.currency)} {invoice.currency}, without tax.",
            )

    def amounts(self) -> dict[int, Decimal] | None:
        """Return what was typed by line, or None for all that is left."""
        if self.cleaned_data["extent"] == "whole":
            return None
        typed = {name: self.cleaned_data[name] for name in self.line_fields}
        return {int(name.removeprefix("line_")): amount for name, amount in typed.items() if amount is not None}


class SendForm(forms.Form):
    """Where an invoice is sent; ``form_id`` makes a form that is sent twice count once."""

    to = forms.EmailField(label="To")
    form_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)


def ended_months() -> list[tuple[str, str]]:
    """Return the business months that ended last, newest first."""
    months = [last_month()]
    while len(months) < 18:
        months.append((months[-1] - dt.timedelta(days=1)).replace(day=1))
    return [(month.isoformat(), f"{month:%B %Y}") for month in months]


class RunForm(forms.Form):
    """The month whose invoices are issued for all accounts."""

    month = forms.ChoiceField(
        choices=ended_months,
        help_text="Earlier charges that are on no invoice are billed too, and say of which month they are.",
    )
    send = forms.BooleanField(label="Send each to its client by e-mail", required=False)

    def days(self) -> tuple[dt.date, dt.date]:
        """Return the month's first and last day."""
        first = dt.date.fromisoformat(self.cleaned_data["month"])
        return first, next_month(first) - dt.timedelta(days=1)
