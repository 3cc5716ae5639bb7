"""Forms that move money, and forms of products and rates."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from crispy_forms.layout import Div, Field, Layout
from django import forms
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from billing.models import Balance, Product, ProductMapping, Rate, RateTable, digits_or_empty
from billing.rate_fields import AMOUNTS, FORMAT, RATE_FIELDS
from core.amounts import AmountField
from core.business_time import today
from core.forms import PortalFormHelper
from core.phone_numbers import NumberError, read_number
from core.render import money_text


class EntryForm(forms.Form):
    """One movement of a balance; ``form_id`` makes a form that is sent twice count once."""

    amount = AmountField()
    note = forms.CharField(max_length=200, required=False, help_text="Such as the reference of a bank transfer.")
    form_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"].label = f"Amount, {currency}"


class PaymentForm(EntryForm):
    """A payment."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"].help_text = "Raises the balance. It cannot be edited; a refund takes it back."


class AdjustmentForm(EntryForm):
    """A correction, up or down."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"].help_text = "Above zero raises the balance, below zero lowers it."
        self.fields["note"].required = True
        self.fields["note"].label = "Reason"
        self.fields["note"].help_text = "Stays in the ledger for good."


class RefundForm(EntryForm):
    """Money given back."""

    def __init__(self, *args: Any, left: Decimal, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"].initial = left
        self.fields["amount"].help_text = f"At most {money_text(left)}. Lowers the balance."
        self.fields["note"].required = True
        self.fields["note"].label = "Reason"
        self.fields["note"].help_text = "Stays in the ledger for good."


class PeriodForm(forms.Form):
    """Business days, both included."""

    since = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", widget=forms.DateInput(attrs={"type": "date"}))

    def clean(self) -> dict[str, Any]:
        """Refuse a period that ends before it begins."""
        values = super().clean() or {}
        if values.get("since") and values.get("until") and values["until"] < values["since"]:
            self.add_error("until", "The period ends before it begins.")
        for name in ("since", "until"):
            # Days beyond are no business days of anybody, and their neighbours cannot be reckoned.
            if (day := values.get(name)) and not 1970 <= day.year <= 9000:
                self.add_error(name, "Choose a year from 1970 on.")
        return values


def low_balance_field() -> AmountField:
    """Return the field of the amount below which somebody is told."""
    return AmountField(required=False, help_text="Empty: no notice. Sent once each time the balance falls below it.")


def show_low_balance(form: forms.BaseForm, balance: Balance, to_whom: str) -> None:
    """Put a balance's low-balance notice into the fields ``low_at`` and ``low_email`` of its owner's form."""
    low_at = form.fields["low_at"]
    low_at.label = f"Low-balance notice below, {balance.currency}"
    low_at.initial = balance.low_at
    low_email = form.fields["low_email"]
    low_email.label = "Notice to"
    low_email.initial, low_email.help_text = balance.low_email, to_whom


def low_balance_layout() -> Div:
    """Return the two fields side by side."""
    column = {"wrapper_class": "col-sm"}
    return Div(Field("low_at", **column), Field("low_email", **column), css_class="row")


def free_seconds_help(what: str) -> str:
    """Return what free seconds are for, and how many of them a call needs that no money covers."""
    first = settings.RESERVATION_SECONDS
    return (
        f"{what} Where there is no money, a call comes in only while those left cover its first {first} s, rounded up "
        f"by its rate, and one increment more: {-(-first // 6) * 6 + 6} s with an increment of 6 s."
    )


class ProductForm(forms.ModelForm):
    """A product: whose calls it prices."""

    class Meta:
        model = Product
        fields = ("name", "kind", "description", "free_seconds")
        help_texts = {
            "kind": "Originating carrier: what the carrier pays for an inbound call. Account: what the client pays.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        free = self.fields["free_seconds"]
        free.required = False
        free.help_text = free_seconds_help(
            "Charged seconds that cost each account with this product nothing, per business month."
        )

    def clean_free_seconds(self) -> int:
        """Read nothing as none."""
        return self.cleaned_data["free_seconds"] or 0


class MappingForm(forms.ModelForm):
    """Which rate table prices a prefix, from when on."""

    class Meta:
        model = ProductMapping
        fields = ("prefix", "rate_table", "starts_at")
        labels = {"starts_at": "In force from"}
        help_texts = {
            "prefix": "First digits of the E.164 number; empty matches every number. The longest prefix wins.",
            "starts_at": "In your time zone. Of mappings with one prefix the latest start not after the call wins.",
        }
        widgets = {"starts_at": forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tables: Any = self.fields["rate_table"]
        tables.queryset = RateTable.objects.filter(Q(archived_at=None) | Q(pk=self.instance.rate_table_id or 0))
        if not self.instance.pk:
            self.initial["starts_at"] = timezone.localtime().replace(second=0, microsecond=0)


class RateTableForm(forms.ModelForm):
    """A rate table."""

    class Meta:
        model = RateTable
        fields = ("name", "currency", "description")
        help_texts = {"currency": "Three letters, such as USD. Amounts are never converted."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.pk:
            self.initial["currency"] = settings.DEFAULT_CURRENCY

    def clean_currency(self) -> str:
        """Write it in capitals."""
        return self.cleaned_data["currency"].upper()


def name_amounts(form: forms.BaseForm, currency: str = "") -> None:
    """Call the amounts of a rate in a form as tables and files call them, with their currency where it is known."""
    for name in AMOUNTS:
        form.fields[name].label = f"{FORMAT[name]}, {currency}" if currency else FORMAT[name]


class RateForm(forms.ModelForm):
    """A rate."""

    class Meta:
        model = Rate
        fields = RATE_FIELDS
        help_texts = {
            "code": "First digits of the E.164 number; empty matches every number. The longest code wins.",
            "rate_minute": "Price of a minute; negative: what we owe.",
            "rate_call": "Price of an answered call, whatever its length.",
            "grace": "Calls shorter than this cost nothing.",
            "minimal_duration": "A call is charged for at least this long.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name_amounts(self, self.instance.table.currency)
        pair = {"wrapper_class": "col-sm"}
        self.helper = PortalFormHelper(self)
        self.helper.layout = Layout(
            "code",
            "description",
            Div(Field("rate_minute", **pair), Field("rate_call", **pair), css_class="row"),
            Div(Field("increment", **pair), Field("grace", **pair), Field("minimal_duration", **pair), css_class="row"),
            "enabled",
        )


class PriceQuestionForm(forms.Form):
    """A number and an instant: what would a call cost?"""

    number = forms.CharField(
        max_length=40,
        label="Number",
        widget=forms.TextInput(attrs={"class": "mono", "placeholder": "+44 20 7946 0018", "autocomplete": "off"}),
    )
    at = forms.DateTimeField(
        required=False,
        label="Call set up at",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="Empty: now.",
    )

    def clean_number(self) -> str:
        """Read it as people write it."""
        try:
            return read_number(self.cleaned_data["number"]).digits
        except NumberError as error:
            raise forms.ValidationError(str(error)) from error

    def clean_at(self) -> dt.datetime:
        """Take now where nothing is given."""
        return self.cleaned_data["at"] or timezone.now()


class RateDayForm(forms.Form):
    """A code or number, and a day: what did it cost?"""

    code = forms.CharField(
        max_length=40,
        required=False,
        label="Code or number",
        widget=forms.TextInput(attrs={"class": "mono", "placeholder": "4420", "autocomplete": "off"}),
        help_text="Empty: the code for any number.",
    )
    day = forms.DateField(
        required=False,
        label="Day",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="Of the business time zone; empty: today.",
    )

    def clean_code(self) -> str:
        """Read digits, with a plus and blanks as people write them."""
        text = "".join(self.cleaned_data["code"].split()).removeprefix("+")
        digits_or_empty(text)
        return text

    def clean_day(self) -> dt.date:
        """Take today where nothing is given."""
        return self.cleaned_data["day"] or today()
