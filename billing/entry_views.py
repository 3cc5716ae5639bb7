"""The page of one ledger entry: what it is about, a payment's receipt, and its refund."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views import View

from billing.choices import EntryKind
from billing.documents import receipt_pdf
from billing.forms import RefundForm
from billing.ledger_views import EntryView
from billing.models import LedgerEntry
from billing.selectors import owner_of, with_owner
from billing.services import record_refund, refundable
from core import render
from core.access import Access
from core.pdf import pdf_response
from core.tabs import ViewTab, register_tab
from core.views import ObjectView, PageAction
from core.views.base import list_breadcrumb
from core.views.detail import tab_address


def entries_with_owner() -> QuerySet[LedgerEntry]:
    """Return entries with all that their page says."""
    return LedgerEntry.objects.select_related("actor", "refund_of", "balance", *with_owner("balance__"))


def is_payment(entry: Any) -> bool:
    """Tell whether an entry has a receipt."""
    return isinstance(entry, LedgerEntry) and entry.kind == EntryKind.PAYMENT


@register_tab(LedgerEntry)
class LedgerEntryView(ObjectView):
    """One movement of a balance."""

    tab = ViewTab("Entry", weight=100)
    template_name = "billing/entry.html"
    object_actions = (
        PageAction("Refund", "billing:ledgerentry_refund", "arrow-back-up", Access.ADMIN, shown=is_payment),
        PageAction("Receipt (PDF)", "billing:ledgerentry_receipt", "file-type-pdf", Access.READ, shown=is_payment),
    )

    @classmethod
    def object_queryset(cls, model: Any) -> QuerySet[LedgerEntry]:
        """Return entries with all that their page says."""
        return entries_with_owner()

    @classmethod
    def object_title(cls, instance: LedgerEntry) -> str:
        """Return "Payment R-000012" or "Charge 4711"."""
        return f"{instance.get_kind_display()} {instance.receipt or instance.pk}"

    @classmethod
    def object_pills(cls, instance: LedgerEntry) -> list[SafeString]:
        """Return its kind."""
        return [render.choice_pill(instance, "kind")]

    @classmethod
    def object_parents(cls, instance: LedgerEntry) -> list[tuple[str, str]]:
        """Return the owner and its ledger."""
        _, owner = owner_of(instance.balance)
        if owner is None:
            return []
        page = (str(owner), owner.get_absolute_url())
        return [*list_breadcrumb(owner), page, ("Ledger", tab_address(owner, "ledger"))]

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add what it says, drawn."""
        return super().get_context_data(
            rows=entry_facts(self.object), refunds=self.object.refunds.select_related("balance").order_by("id"), **extra
        )


def entry_facts(entry: LedgerEntry) -> list[tuple[str, Any]]:
    """Return what an entry's page says, as (label, drawn value)."""
    kind, owner = owner_of(entry.balance)
    currency = entry.balance.currency
    rows: list[tuple[str, Any]] = [
        ("Amount", render.money(entry.amount, currency)),
        ("Balance after it", render.money(entry.balance_after, currency)),
        (kind.capitalize(), link(owner.get_absolute_url(), owner) if owner else entry.balance_id),
        ("Booked", render.moment(entry.at)),
        ("Note", entry.note or render.EMPTY),
        ("By", entry.actor or "The system"),
    ]
    if entry.receipt:
        rows.insert(0, ("Receipt", render.mono(entry.receipt)))
        rows.append(("Left to refund", render.money(refundable(entry), currency)))
    if entry.attempt_id:
        rows.append(("Call", link(reverse("cdr:cdr_detail", args=[entry.attempt_id]), entry.attempt_id)))
        rows.append(("Leg", entry.leg.capitalize()))
        rows.append(("Set up", render.moment(entry.started_at)))
    if entry.refund_of:
        rows.append(("Refund of", link(entry.refund_of.get_absolute_url(), entry.refund_of.receipt)))
    return rows


def link(url: str, words: Any) -> SafeString:
    """Return a link."""
    return format_html('<a href="{}">{}</a>', url, words)


class ReceiptPdf(View):
    """A payment's receipt as PDF."""

    access = Access.READ

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return it; 404 for what is no payment."""
        entry = get_object_or_404(entries_with_owner(), pk=pk)
        if not is_payment(entry):
            raise Http404
        return pdf_response(receipt_pdf(entry), f"receipt-{entry.receipt}")


class RefundView(EntryView):
    """Give a payment back; administrators only."""

    access = Access.ADMIN
    model = LedgerEntry
    title = "Refund"
    submit_label = "Refund"
    form_class = RefundForm

    def get_queryset(self) -> QuerySet[LedgerEntry]:
        """Return payments."""
        return entries_with_owner().filter(kind=EntryKind.PAYMENT)

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the pages above, and the payment's own."""
        page = (LedgerEntryView.object_title(self.object), self.object.get_absolute_url())
        return [*LedgerEntryView.object_parents(self.object), page]

    def get_form_kwargs(self) -> dict[str, Any]:
        """Say how much is left."""
        return super().get_form_kwargs() | {"left": refundable(self.object)}

    def get_lead(self) -> str:
        """Say what is given back, and of whom."""
        currency = self.object.balance.currency
        return (
            f"Payment {self.object.receipt} of {render.money_text(self.object.amount)} {currency} by "
            f"{owner_of(self.object.balance)[1]}. The ledger only notes it: pay the money back yourself."
        )

    def perform(self, form: Any) -> LedgerEntry:
        """Record it; a second press of the button finds the first one's entry."""
        if not self.actor.is_administrator:
            raise PermissionDenied
        return record_refund(actor=self.actor, payment=self.object, **self.values(form))

    def get_success_message(self, result: LedgerEntry) -> str:
        """Say what stands now."""
        currency = self.object.balance.currency
        return f"Refunded; the balance is {render.money_text(result.balance_after)} {currency}."

    def get_success_url(self, result: LedgerEntry) -> str:
        """Return the payment's page."""
        return self.object.get_absolute_url()
