"""Settings › Billing."""

from typing import Any

from crispy_forms.layout import HTML, Div, Field, Layout
from django import forms
from django.urls import reverse

from billing.seller.models import BillingSettings, percent_text
from billing.seller.services import billing_settings, change_billing_settings
from core.access import Access, allows
from core.forms import PortalFormHelper
from core.views.edit import FormView
from systemlog.mail.server import NO_SERVER, mail_is_set


class BillingSettingsForm(forms.ModelForm):
    """What stands on every invoice."""

    class Meta:
        model = BillingSettings
        fields = (
            "name", "address", "tax_id", "footer", "tax_name", "tax_rate", "payment_days", "payment_terms",
            "line_detail", "invoice_prefix", "credit_note_prefix", "mail_from", "reply_to",
        )  # fmt: skip
        widgets = {
            "address": forms.Textarea(attrs={"rows": 4}),
            "payment_terms": forms.Textarea(attrs={"rows": 3}),
            "tax_rate": forms.TextInput(attrs={"inputmode": "decimal", "class": "num", "autocomplete": "off"}),
            "invoice_prefix": forms.TextInput(attrs={"class": "mono", "autocomplete": "off"}),
            "credit_note_prefix": forms.TextInput(attrs={"class": "mono", "autocomplete": "off"}),
        }
        help_texts = {
            "tax_id": "Such as your VAT number.",
            "footer": "At the foot of each page: company number, bank account.",
            "tax_name": "What the tax is called on invoices.",
            "tax_rate": "For clients without a rate of their own.",
            "payment_terms": "Under the sums of each invoice that asks for a payment.",
            "invoice_prefix": "{year} is the year of issue; with it the count begins anew each year.",
            "mail_from": "Empty: what the installation has set (MAIL_FROM).",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["tax_rate"] = percent_text(self.initial["tax_rate"])
        column = {"wrapper_class": "col-sm"}
        self.helper = PortalFormHelper(self)
        self.helper.layout = Layout(
            HTML('<h3 class="form-part">Seller</h3>'),
            "name", "address",
            Div(Field("tax_id", **column), Field("footer", **column), css_class="row"),
            HTML('<h3 class="form-part">Tax and payment</h3>'),
            Div(Field("tax_name", **column), Field("tax_rate", **column), Field("payment_days", **column),
                css_class="row"),
            "payment_terms",
            HTML('<h3 class="form-part">Invoices</h3>'),
            Div(Field("invoice_prefix", **column), Field("credit_note_prefix", **column), css_class="row"),
            "line_detail",
            HTML('<h3 class="form-part">E-mail</h3>'),
            Div(Field("mail_from", **column), Field("reply_to", **column), css_class="row"),
        )  # fmt: skip


class BillingSettingsView(FormView):
    """Company, tax, numbers and e-mail of invoices."""

    access = Access.READ
    access_post = Access.ADMIN
    title = "Billing settings"
    form_class = BillingSettingsForm
    template_name = "seller/settings.html"

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the settings."""
        return [("Settings", reverse("core:settings"))]

    def get_initial(self) -> dict[str, Any]:
        """Return nothing: the settings' own values stand in the form."""
        return {}

    def get_form_kwargs(self) -> dict[str, Any]:
        """Add the row."""
        return super().get_form_kwargs() | {"instance": billing_settings()}

    def get_form(self) -> Any:
        """Lock what only an administrator may write."""
        form: Any = super().get_form()
        if not self.may_write:
            for field in form.fields.values():
                field.disabled = True
        return form

    @property
    def may_write(self) -> bool:
        """Tell whether this user is an administrator."""
        return allows(self.request.user, Access.ADMIN)

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add whether anything can be sent."""
        return super().get_context_data(no_server="" if mail_is_set() else NO_SERVER, may_save=self.may_write, **extra)

    def perform(self, form: Any) -> BillingSettings:
        """Save them."""
        return change_billing_settings(actor=self.actor, **form.cleaned_data)

    def get_success_url(self, result: BillingSettings) -> str:
        """Stay here."""
        return result.get_absolute_url()

    def get_success_message(self, result: BillingSettings) -> str:
        """Say that they hold from now on."""
        return "Billing settings saved. Invoices that are issued already stay as they are."
