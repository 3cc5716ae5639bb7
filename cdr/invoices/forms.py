"""Forms of invoices."""

import datetime as dt
from typing import Any

from django import forms

from accounts.models import Account
from core.business_time import today


def last_month() -> dt.date:
    """Return the first day of the business month that ended last."""
    return (month_of_today() - dt.timedelta(days=1)).replace(day=1)


def month_of_today() -> dt.date:
    """Return the first day of the present business month."""
    return today().replace(day=1)


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
    first_day = forms.DateField(label="From", widget=_DayInput(), initial=last_month)
    last_day = forms.DateField(
        label="To, included",
        widget=_DayInput(),
        initial=lambda: month_of_today() - dt.timedelta(days=1),
        help_text="What was charged before and stands on no invoice yet is billed too, and says so.",
    )
