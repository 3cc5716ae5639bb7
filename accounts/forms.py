"""Forms of clients, accounts and aliases."""

from typing import Any

from crispy_forms.layout import Div, Field, Layout
from django import forms
from django.conf import settings

from accounts.models import Account, Alias, Client
from billing.choices import ProductKind
from billing.forms import low_balance_field, low_balance_layout, show_low_balance
from billing.selectors import products_of_kind
from billing.seller.models import percent_text
from core.amounts import AmountField
from core.forms import PortalFormHelper
from core.layouts import More

BILLING_FIELDS = ("billing_name", "billing_address", "tax_id", "tax_rate", "tax_included", "tax_note")
LIMIT_HELP = "How far below zero the balance may go before paid calls are refused."


class ClientForm(forms.ModelForm):
    """A customer."""

    class Meta:
        model = Client
        fields = ("name", "email", "notes", *BILLING_FIELDS)
        widgets = {
            "notes": forms.Textarea(attrs={"rows": 3}),
            "billing_address": forms.Textarea(attrs={"rows": 4}),
            "tax_rate": forms.TextInput(attrs={"inputmode": "decimal", "class": "num", "autocomplete": "off"}),
        }
        labels = {"email": "E-mail"}
        help_texts = {
            "email": "Invoices and notices go here.",
            "billing_name": "On invoices in place of the name, where the company is called otherwise.",
            "tax_id": "Such as a VAT number.",
            "tax_rate": "Empty: the one of the billing settings.",
            "tax_included": "Charges are gross: invoices show the tax in them instead of adding it.",
            "tax_note": "On each invoice, such as: Reverse charge.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["tax_rate"] = percent_text(self.instance.tax_rate)
        column = {"wrapper_class": "col-sm"}
        self.helper = PortalFormHelper(self)
        self.helper.layout = Layout(
            "name",
            "email",
            "notes",
            More(
                "Invoices: address and tax",
                "billing_name",
                "billing_address",
                Div(Field("tax_id", **column), Field("tax_rate", **column), css_class="row"),
                "tax_note",
                "tax_included",
            ),
        )


class _AccountForm(forms.ModelForm):
    """What the forms of a new and of an old account share."""

    product = forms.ModelChoiceField(
        queryset=products_of_kind(ProductKind.ACCOUNT),
        required=False,
        empty_label="None: receives calls free",
        help_text="Prices the calls this account receives.",
    )
    credit_limit = AmountField(min_value=0, initial=0, help_text=LIMIT_HELP)

    class Meta:
        model = Account
        fields: tuple[str, ...] = ("name", "product", "call_limit", "max_call_seconds")
        labels = {"max_call_seconds": "Longest call, s"}
        help_texts = {"max_call_seconds": "Empty: as long as the switch allows."}

    def limits(self) -> Div:
        """Return the two limits side by side."""
        column = {"wrapper_class": "col-sm"}
        return Div(Field("call_limit", **column), Field("max_call_seconds", **column), css_class="row")


class AccountForm(_AccountForm):
    """A new account, with the currency of its balance."""

    client = forms.ModelChoiceField(queryset=Client.objects.filter(archived_at=None))
    currency = forms.CharField(
        max_length=3,
        initial=lambda: settings.DEFAULT_CURRENCY,
        help_text="Three letters, such as USD. It cannot be changed later.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        column = {"wrapper_class": "col-sm"}
        self.helper = PortalFormHelper(self)
        self.helper.layout = Layout(
            "client",
            "name",
            Div(Field("currency", **column), Field("credit_limit", **column), css_class="row"),
            "product",
            self.limits(),
        )


class AccountMainForm(_AccountForm):
    """The tab "Main" of an account."""

    low_at = low_balance_field()
    low_email = forms.EmailField(required=False)

    class Meta(_AccountForm.Meta):
        fields = ("name", "state", "product", "call_limit", "max_call_seconds")
        help_texts = _AccountForm.Meta.help_texts | {"state": "The aliases of a suspended account receive no calls."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        balance = self.instance.balance
        self.fields["credit_limit"].initial = balance.credit_limit
        self.fields["credit_limit"].label = f"Credit limit, {balance.currency}"
        self.helper = PortalFormHelper(self)
        show_low_balance(self, balance, "Empty: to the client's address.")
        self.helper.layout = Layout("name", "state", "product", "credit_limit", self.limits(), low_balance_layout())


class AliasForm(forms.ModelForm):
    """A new alias; its secret is generated."""

    class Meta:
        model = Alias
        fields = ("username", "description")
        widgets = {"username": forms.TextInput(attrs={"class": "mono", "autocomplete": "off", "spellcheck": "false"})}
        help_texts = {
            "username": "What the phone registers as, such as desk-101. It cannot be changed later.",
            "description": "Such as whose desk the phone stands on.",
        }


class AliasMainForm(forms.ModelForm):
    """The tab "Main" of an alias; its user name is part of its digests and stays."""

    class Meta:
        model = Alias
        fields = ("description", "enabled", "audio")
        help_texts = {
            "enabled": "A disabled alias can neither register nor be called.",
            "audio": "Automatic: through the switch's relay where the phone is behind NAT, else directly between phone "
            "and carrier. Choose always where callers hear nothing, or are not heard.",
        }
