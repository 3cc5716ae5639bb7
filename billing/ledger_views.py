"""The ledger tab and the forms that add to it, for whatever owns a balance: carriers and accounts derive these."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet

from billing.filters import LedgerFilterSet
from billing.forms import AdjustmentForm, EntryForm, PaymentForm
from billing.models import LedgerEntry
from billing.selectors import ledger_entries
from billing.services import record_adjustment, record_payment
from billing.tables import LedgerTable
from core import render
from core.access import Access
from core.tabs import ViewTab
from core.views import FormActionView, TabListView


class LedgerTab(TabListView):
    """Every movement of ``self.object.balance``, newest first."""

    tab = ViewTab("Ledger", weight=900)
    model = LedgerEntry
    table_class = LedgerTable
    filterset_class = LedgerFilterSet
    keyset = ("at", "id")

    def get_queryset(self) -> QuerySet[LedgerEntry]:
        """Return the statement."""
        return ledger_entries(self.object.balance)


class EntryView(FormActionView):
    """A form that writes one ledger entry for an object with a balance."""

    def get_queryset(self) -> QuerySet[Any]:
        """Return the owners with their balance."""
        return self.model._default_manager.select_related("balance")

    def get_initial(self) -> dict[str, Any]:
        """Take nothing from the address: an amount is typed by a person."""
        return {}

    def get_form_kwargs(self) -> dict[str, Any]:
        """Say in which currency."""
        return super().get_form_kwargs() | {"currency": self.object.balance.currency}

    def get_lead(self) -> str:
        """Say what the balance is now."""
        balance = self.object.balance
        return f"The balance of {self.object} is {render.money_text(balance.amount)} {balance.currency}."

    @staticmethod
    def values(form: EntryForm) -> dict[str, Any]:
        """Return the service's arguments."""
        cleaned = form.cleaned_data
        return {"amount": cleaned["amount"], "note": cleaned["note"], "idempotency_key": str(cleaned["form_id"])}


class PaymentView(EntryView):
    """Add a payment."""

    title = "Add payment"
    submit_label = "Add payment"
    form_class = PaymentForm

    def perform(self, form: Any) -> LedgerEntry:
        """Record it; a second press of the button finds the first one's entry."""
        return record_payment(actor=self.actor, balance=self.object.balance, **self.values(form))

    def get_success_message(self, result: LedgerEntry) -> str:
        """Say what was paid and what stands now."""
        currency = self.object.balance.currency
        return (
            f"Payment {result.receipt} of {render.money_text(result.amount)} {currency} added; "
            f"the balance of {self.object} is {render.money_text(result.balance_after)} {currency}."
        )

    def get_success_url(self, result: LedgerEntry) -> str:
        """Return the owner's page, which shows the balance."""
        return self.object.get_absolute_url()


class AdjustmentView(EntryView):
    """Correct a balance, up or down, with a reason; administrators only."""

    access = Access.ADMIN
    title = "Adjustment"
    submit_label = "Adjust"
    form_class = AdjustmentForm

    def perform(self, form: Any) -> LedgerEntry:
        """Record it."""
        if not self.actor.is_administrator:
            raise PermissionDenied
        return record_adjustment(actor=self.actor, balance=self.object.balance, **self.values(form))

    def get_success_message(self, result: LedgerEntry) -> str:
        """Say what stands now."""
        return f"Adjusted; the balance is {render.money_text(result.balance_after)} {self.object.balance.currency}."

    def get_success_url(self, result: LedgerEntry) -> str:
        """Return the owner's page."""
        return self.object.get_absolute_url()
