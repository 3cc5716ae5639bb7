"""Forms of DIDs."""

from typing import Any

from crispy_forms.layout import Div, Field, Layout
from django import forms
from django.db.models import Q

from accounts.models import Account, Alias
from billing.forms import free_seconds_help, name_amounts
from billing.rate_fields import PRICE_FIELDS
from core.countries import country_choices
from core.forms import PortalFormHelper
from dids.models import DID, DIDPrice
from dids.plans.choices import RentalSide
from dids.plans.forms import PlanField
from dids.quarantine import quarantine_days

WRITTEN = {"class": "mono", "autocomplete": "off", "spellcheck": "false"}


class RegionField(forms.ChoiceField):
    """The country whose national numbers are typed; chosen beforehand where the carrier's addresses agree on one."""

    def __init__(self) -> None:
        super().__init__(
            choices=lambda: [("", "–"), *country_choices()],
            required=False,
            label="Country of national numbers",
            help_text="Needed for numbers written without a country code, such as 020 7946 0018.",
        )


class AddDIDForm(forms.Form):
    """One DID number, or with a last one the range between them."""

    number = forms.CharField(
        label="DID number",
        max_length=80,
        widget=forms.TextInput(attrs=WRITTEN | {"placeholder": "+44 20 7946 0018", "inputmode": "tel"}),
        help_text="As you have it: +44 20 7946 0018 or 0044 20 7946 0018.",
    )
    last = forms.CharField(
        label="Last number of a range",
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs=WRITTEN | {"inputmode": "tel"}),
        help_text="Leave empty for one number. The final digits are enough: 27.",
    )
    region = RegionField()


class PasteDIDsForm(forms.Form):
    """Many DID numbers, one a line."""

    text = forms.CharField(
        label="DID numbers",
        widget=forms.Textarea(attrs=WRITTEN | {"rows": 8}),
        help_text="One number or range a line, such as +44 20 7946 0018 or +44 20 7946 0100 - 0199.",
    )
    region = RegionField()


class AliasField(forms.ModelChoiceField):
    """An alias of one account, by SIP user name and description."""

    def label_from_instance(self, obj: Any) -> str:
        """Return "desk-101 – Front desk"."""
        words = f"{obj.username} – {obj.description}" if obj.description else obj.username
        return words if obj.enabled else f"{words} (disabled)"


class MapForm(forms.Form):
    """The alias that chosen DIDs are to ring."""

    alias = AliasField(
        queryset=Alias.objects.none(),
        label="Choose alias from mapping",
        empty_label="Choose alias…",
        error_messages={"required": "Choose the alias that these numbers are to ring."},
    )
    sold_plan = PlanField(
        RentalSide.SOLD,
        label="Rental plan",
        empty_label="As the list says",
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        plans: Any = self.fields["sold_plan"]
        plans.queryset = plans.queryset.filter(Q(currency=account.balance.currency) | Q(setup_fee=0, monthly_fee=0))
        # Read once: whether there is a choice, and the choice.
        plans.choices = list(iter(plans.choices))  # Without its length, which would be counted.
        self.offers_plans = len(plans.choices) > 1
        aliases = account.aliases.defer("ha1_md5", "ha1_sha256")
        self.fields["alias"].queryset = aliases  # type: ignore[attr-defined]
        first = list(aliases[:2])
        self.has_aliases = bool(first)
        if len(first) == 1:
            self.fields["alias"].initial = first[0]


class MoveForm(MapForm):
    """Another alias of the same account, which goes on paying what it pays."""

    def __init__(self, *args: Any, current: Alias, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["sold_plan"]
        field = self.fields["alias"]
        field.label = "Alias"
        field.queryset = field.queryset.exclude(pk=current.pk)  # type: ignore[attr-defined]


class BulkMapForm(forms.Form):
    """The alias that many DIDs are to ring, by its name: there may be thousands to choose from."""

    alias = forms.CharField(
        label="Alias",
        max_length=64,
        widget=forms.TextInput(attrs=WRITTEN | {"placeholder": "desk-101"}),
        help_text="The SIP user name of the alias (subaccount) that these numbers are to ring.",
    )

    def clean_alias(self) -> Alias:
        """Find it."""
        name = self.cleaned_data["alias"].strip()
        alias = Alias.objects.filter(username=name).first()
        if alias is None:
            raise forms.ValidationError(f"There is no alias “{name}”.")
        return alias

    def options(self) -> dict[str, int]:
        """Return what the bulk change needs."""
        return {"alias": self.cleaned_data["alias"].pk}


class UnmapForm(forms.Form):
    """What becomes of a DID that rings nobody any more."""

    quarantine = forms.TypedChoiceField(
        label="Afterwards the number",
        coerce=bool,
        required=False,
        widget=forms.RadioSelect,
        help_text="Quarantine keeps the calls of its last holder from reaching the next one.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["quarantine"]
        at_once, rest = ("", "is available at once"), ("yes", f"rests in quarantine for {quarantine_days()} days")
        field.choices = [rest, at_once] if quarantine_days() else [at_once]  # type: ignore[attr-defined]
        field.initial = "yes" if quarantine_days() else ""


class ReturnForm(forms.Form):
    """Why a retired number returns to service."""

    reason = forms.CharField(
        max_length=200, help_text="Such as that the carrier provides it again. The number's history keeps this."
    )


class EarlyReleaseForm(forms.Form):
    """Why a quarantine ends before its time."""

    reason = forms.CharField(
        max_length=200, help_text="Who wants the number back, or why it needs no rest. Its history keeps this."
    )


class DIDForm(forms.ModelForm):
    """What may change of a DID: its number and carrier stay."""

    class Meta:
        model = DID
        fields = ("provider_number", "area", "call_limit", "notes")
        widgets = {
            "notes": forms.Textarea(attrs={"rows": 3}),
            "provider_number": forms.TextInput(attrs=WRITTEN),
        }
        labels = {"provider_number": "Number as the provider writes it"}


class DIDPriceForm(forms.ModelForm):
    """A DID's own price."""

    class Meta:
        model = DIDPrice
        fields = ("currency", *PRICE_FIELDS, "free_seconds")
        help_texts = {"currency": "That of the account’s balance; amounts are never converted."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name_amounts(self)
        self.fields["free_seconds"].help_text = free_seconds_help(
            "Of calls to this DID, per business month; used up first."
        )
        pair = {"wrapper_class": "col-sm"}
        self.helper = PortalFormHelper(self)
        self.helper.layout = Layout(
            "currency",
            Div(Field("rate_minute", **pair), Field("rate_call", **pair), css_class="row"),
            Div(Field("increment", **pair), Field("grace", **pair), Field("minimal_duration", **pair), css_class="row"),
            "free_seconds",
        )

    def clean_currency(self) -> str:
        """Write it in capitals."""
        return self.cleaned_data["currency"].upper()
