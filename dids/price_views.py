"""The form of a DID's own price."""

from typing import Any

from django import forms
from django.conf import settings
from django.db.models import QuerySet

from core.views import FormActionView
from dids.forms import DIDPriceForm
from dids.models import DID, DIDPrice
from dids.prices import price_of, remove_did_price, save_did_price
from dids.selectors import dids_with_holders


class DIDPriceEdit(FormActionView):
    """Give a DID its own price, or change it."""

    model = DID
    form_class = DIDPriceForm
    lead = (
        "What the account that this number rings pays to receive its calls, instead of by its product. "
        "Calls that have begun keep the price they began with."
    )

    def get_queryset(self) -> QuerySet[DID]:
        """Return DIDs with their holders."""
        return dids_with_holders().select_related("alias__account__balance")

    def get_title(self) -> str:
        """Return what is priced."""
        return f"Own price of {self.object}"

    def get_form_kwargs(self) -> dict[str, Any]:
        """Give the form the DID's price, or a new one in the currency of whoever would pay."""
        kwargs = super().get_form_kwargs()
        alias = self.object.alias
        currency = alias.account.balance.currency if alias else settings.DEFAULT_CURRENCY
        return kwargs | {"instance": price_of(self.object) or DIDPrice(did=self.object, currency=currency)}

    def perform(self, form: Any) -> DIDPrice:
        """Save it."""
        return save_did_price(actor=self.actor, did=self.object, **form.cleaned_data)

    def get_success_message(self, result: DIDPrice) -> str:
        """Say so."""
        return f"Own price of {self.object} saved."


class DIDPriceRemove(FormActionView):
    """Take a DID's own price away."""

    model = DID
    form_class = forms.Form
    submit_label = "Remove own price"
    lead = "From the next call on the product of the account prices the number; an account without one receives free."

    def get_queryset(self) -> QuerySet[DID]:
        """Return DIDs with their holders."""
        return dids_with_holders()

    def get_title(self) -> str:
        """Return the question."""
        return f"Remove the own price of {self.object}?"

    def perform(self, form: Any) -> DID:
        """Remove it."""
        remove_did_price(actor=self.actor, did=self.object)
        return self.object

    def get_success_message(self, result: DID) -> str:
        """Say so."""
        return f"{result} has no price of its own any more."
