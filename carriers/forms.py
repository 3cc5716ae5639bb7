"""Forms of carriers and their addresses."""

from typing import Any

from crispy_forms.layout import Div, Field, Layout
from django import forms
from django.conf import settings

from billing.choices import ProductKind
from billing.forms import low_balance_field, show_low_balance
from billing.selectors import free_inbound_product, products_of_kind
from carriers.models import Carrier, CarrierAccount, tech_prefix_format
from carriers.networks import NetworkError, is_single, read_network, show_network
from carriers.translation import TranslationField
from core.amounts import AmountField
from core.countries import country_choices
from core.forms import PortalFormHelper
from core.layouts import More


class CarrierForm(forms.ModelForm):
    """A new carrier, with the currency and limit of its balance."""

    currency = forms.CharField(
        max_length=3,
        initial=lambda: settings.DEFAULT_CURRENCY,
        help_text="Three letters, such as USD. It cannot be changed later.",
    )
    credit_limit = AmountField(
        min_value=0,
        initial=0,
        help_text="How far below zero the balance may go before calls are refused.",
    )

    class Meta:
        model = Carrier
        fields = ("name", "is_did_provider", "notes")
        widgets = {"notes": forms.Textarea(attrs={"rows": 3})}

    field_order = ("name", "is_did_provider", "currency", "credit_limit", "notes")


class CarrierMainForm(forms.ModelForm):
    """The tab "Main" of a carrier."""

    low_at = low_balance_field()
    low_email = forms.EmailField(required=False)
    credit_limit = AmountField(
        min_value=0,
        help_text="How far below zero the balance may go before calls are refused.",
    )

    class Meta:
        model = Carrier
        fields = ("name", "is_did_provider", "enabled", "notes")
        widgets = {"notes": forms.Textarea(attrs={"rows": 3})}
        help_texts = {"enabled": "Calls of a disabled carrier are refused."}

    field_order = ("name", "is_did_provider", "enabled", "credit_limit", "low_at", "low_email", "notes")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["credit_limit"].initial = self.instance.balance.credit_limit
        self.fields["credit_limit"].label = f"Credit limit, {self.instance.balance.currency}"
        show_low_balance(self, self.instance.balance, "Empty: the System Log alone tells it.")


def product_field(**kwargs: Any) -> forms.ModelChoiceField:
    """Return the choice of what a carrier's calls cost; "free inbound" is chosen beforehand (operator's guide)."""
    return forms.ModelChoiceField(
        queryset=products_of_kind(ProductKind.ORIGINATING_CARRIER),
        initial=free_inbound_product,
        empty_label=None,
        help_text="“free inbound” lets calls in at no charge.",
        **kwargs,
    )


class CarrierAccountForm(forms.ModelForm):
    """One IP address of a carrier, or with "subnet" a network in CIDR notation."""

    network = forms.CharField(
        label="IP address",
        max_length=64,
        widget=forms.TextInput(attrs={"class": "mono", "autocomplete": "off", "spellcheck": "false"}),
        help_text="IPv4 or IPv6, such as 203.0.113.5; with “subnet” a range in CIDR notation, such as 203.0.113.0/26.",
    )
    subnet = forms.BooleanField(required=False, label="subnet", help_text="The address above is a range.")
    product = product_field()
    default_region = forms.ChoiceField(
        label="National numbers of",
        required=False,
        help_text="The country whose national numbers this address sends; none: international numbers only.",
    )
    translation = TranslationField(required=False)

    class Meta:
        model = CarrierAccount
        fields = (
            "product",
            "tech_prefix",
            "number_source",
            "default_region",
            "translation",
            "call_limit",
            "enabled",
            "description",
            "audio",
        )
        help_texts = {
            "tech_prefix": "What the carrier dials before each number; it tells two carriers on one address apart.",
            "number_source": "Where this carrier's INVITE holds the DID.",
            "audio": "Automatic: through the switch's relay where phone or carrier is behind NAT, else directly. "
            "Always: for a carrier that sends audio to one address only, the switch's.",
            "enabled": "Calls from a disabled address are refused, also when a wider subnet holds it.",
        }
        labels = {"number_source": "DID is read from"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["default_region"].choices = [("", "–"), *country_choices()]  # type: ignore[attr-defined]
        if not self.instance.pk:
            # A new instance says "no product", which would stand above the field's own initial value.
            self.initial["product"] = free_inbound_product().pk
        elif self.instance.network:
            self.initial["network"] = show_network(self.instance.network)
            self.initial["subnet"] = not is_single(self.instance.network)
        self.helper = PortalFormHelper(self)
        self.helper.layout = Layout(
            "network",
            "subnet",
            "product",
            "description",
            More(
                "More: tech prefix, number format, call limit, audio",
                Div(
                    Field("tech_prefix", wrapper_class="col"), Field("call_limit", wrapper_class="col"), css_class="row"
                ),
                "number_source",
                "default_region",
                "translation",
                "audio",
                "enabled",
            ),
        )

    def clean(self) -> dict[str, Any]:
        """Read the address, for which the checkbox must be known."""
        cleaned = super().clean() or self.cleaned_data
        if "network" in cleaned:
            try:
                self.instance.network = read_network(cleaned["network"], subnet=cleaned.get("subnet", False))
            except NetworkError as error:
                self.add_error("network", str(error))
        return cleaned

    def validate_constraints(self) -> None:
        """Leave overlap and duplicates to the service, whose words name the other entry."""


class PasteNetworksForm(forms.Form):
    """Many addresses, one a line."""

    text = forms.CharField(
        label="IP addresses and subnets",
        widget=forms.Textarea(attrs={"rows": 8, "class": "mono", "spellcheck": "false"}),
        help_text="One a line, such as 203.0.113.5 or 203.0.113.0/26; words after it become the description.",
    )
    product = product_field()
    tech_prefix = forms.CharField(
        required=False,
        validators=[tech_prefix_format],
        max_length=15,
        help_text="Applies to all lines; empty for most carriers.",
    )
