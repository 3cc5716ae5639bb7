"""Pages of invoices."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views import View

from billing.currencies import amount_text, decimals_of
from billing.models import LedgerEntry
from billing.seller.services import billing_settings
from cdr.invoices.billables import quantity_text
from cdr.invoices.choices import InvoiceState, LineKind
from cdr.invoices.filters import BilledFilterSet, InvoiceFilterSet, InvoiceLineFilterSet
from cdr.invoices.forms import DraftForm
from cdr.invoices.issuing import draft_invoice, require
from cdr.invoices.models import Invoice, InvoiceLine
from cdr.invoices.pdf import closing_words, file_name, invoice_pdf, sums_rows
from cdr.invoices.selectors import invoices, mails_of
from cdr.invoices.tables import BilledTable, InvoiceLineTable, InvoiceTable
from core import render
from core.access import Access
from core.filters import PortalFilterSet
from core.pdf import FontsMissing, pdf_response
from core.tabs import ViewTab, bounded_count, register_tab
from core.views import EmptyState, ListView, ObjectView, PageAction, TabListView
from core.views.edit import FormView

# More lines than a person reads on a page stand in the tab "Lines" and in the PDF.
LINES_SHOWN = 300

RUNS = PageAction("Runs", "invoices:invoicerun_list", icon="history", permission=Access.READ)
MONTH = PageAction("Issue a month", "invoices:invoicerun_add", icon="files")
NEW = PageAction("New invoice", "invoices:invoice_add", icon="plus", primary=True)

NO_SELLER = EmptyState(
    "No invoice yet",
    "An invoice bills what an account's ledger charged in a month. First say who sends it: company, tax and numbering.",
    "file-invoice",
    PageAction("Billing settings", "seller:billingsettings", icon="receipt", permission=Access.ADMIN, primary=True),
)


class InvoiceListView(ListView):
    """Clients › Invoices."""

    model = Invoice
    table_class, filterset_class = InvoiceTable, InvoiceFilterSet
    page_actions = (RUNS, MONTH, NEW)
    empty = EmptyState(
        "No invoice yet",
        "An invoice bills what an account's ledger charged in a month, once the month is over.",
        "file-invoice",
        MONTH,
    )

    def get_queryset(self) -> QuerySet[Invoice]:
        """Return all invoices."""
        return invoices()

    def list_context(self, rows: QuerySet[Invoice], filterset: PortalFilterSet | None) -> dict[str, Any]:
        """Lead to the billing settings first, where nobody has named the seller."""
        context = super().list_context(rows, filterset)
        if context["is_empty"] and billing_settings().missing:
            self.empty = NO_SELLER
            context |= {"empty": self.empty, "empty_action": self.empty_action()}
        return context


class InvoiceAdd(FormView):
    """Draft the invoice of one account."""

    title = "New invoice"
    submit_label = "Draft"
    lead = "A draft shows what would be billed. Nothing is billed before it is issued."
    form_class = DraftForm
    # Whose words tell of a draft that somebody else was faster to make.
    row_model = Invoice

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the list."""
        return [("Invoices", reverse("invoices:invoice_list"))]

    def perform(self, form: Any) -> Invoice:
        """Draft it."""
        return draft_invoice(actor=self.actor, **form.cleaned_data)


def is_draft(invoice: Invoice) -> bool:
    """Tell whether it can still be changed."""
    return invoice.state == InvoiceState.DRAFT


def may_be_issued(invoice: Invoice) -> bool:
    """Tell whether a draft's period is over; before, its page says from when on."""
    return is_draft(invoice) and invoice.ends_at <= timezone.now()


def is_issued(invoice: Invoice) -> bool:
    """Tell whether it went out."""
    return invoice.state != InvoiceState.DRAFT


@register_tab(Invoice)
class InvoiceView(ObjectView):
    """One invoice or credit note."""

    tab = ViewTab("Invoice", weight=100)
    template_name = "invoices/invoice.html"
    object_actions: tuple[PageAction, ...] = (
        PageAction("Discard", "invoices:invoice_discard", "trash", danger=True, shown=is_draft),
        PageAction("Refresh", "invoices:invoice_refresh", "refresh", shown=is_draft),
        PageAction("PDF", "invoices:invoice_pdf", "file-type-pdf", permission=Access.READ),
        PageAction(
            "Credit", "invoices:invoice_credit", "receipt-refund", permission=Access.ADMIN,
            shown=lambda invoice: invoice.kind == "invoice" and invoice.state == "issued",
        ),
        PageAction("Send", "invoices:invoice_send", "mail", primary=True, shown=is_issued),
        PageAction("Issue", "invoices:invoice_issue", "check", primary=True, shown=may_be_issued),
    )  # fmt: skip

    @classmethod
    def object_queryset(cls, model: Any) -> QuerySet[Invoice]:
        """Return documents with all that their page names."""
        return invoices().select_related("issued_by", "created_by")

    @classmethod
    def object_title(cls, instance: Invoice) -> str:
        """Return the number, or what is drafted."""
        return instance.title if instance.number else str(instance)

    @classmethod
    def object_pills(cls, instance: Invoice) -> list[SafeString]:
        """Return its state."""
        return [render.choice_pill(instance, "state")]

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add lines, sums and facts."""
        invoice: Invoice = self.object
        lines = list(invoice.lines.all()[: LINES_SHOWN + 1])
        return super().get_context_data(
            groups=grouped(lines[:LINES_SHOWN], invoice.currency),
            cut=len(lines) > LINES_SHOWN,
            lines_url=reverse("invoices:invoice_lines", args=[invoice.pk]),
            sums=[(label, amount_text(amount, invoice.currency)) for label, amount in sums_rows(invoice)],
            closing=closing_words(invoice),
            warnings=self.warnings(invoice),
            facts=facts_of(invoice),
            mails=mails_of(invoice)[:10],
            notes=invoice.credit_notes.order_by("pk"),
            **extra,
        )

    @staticmethod
    def warnings(invoice: Invoice) -> list[str]:
        """Return what a draft lacks before it can go out."""
        if not is_draft(invoice):
            return []
        words = []
        try:
            require(invoice, billing_settings())
        except forms.ValidationError as error:
            words += error.messages
        if not invoice.client_address.strip():
            words.append(f"{invoice.client_name} has no billing address: it stands on the client's page.")
        return words


def grouped(lines: list[InvoiceLine], currency: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the lines under the headings that the document has."""
    decimals = decimals_of([line.amount for line in lines], currency)
    groups: list[tuple[str, list[dict[str, Any]]]] = []
    for line in lines:
        label = LineKind(line.kind).label
        if not groups or groups[-1][0] != label:
            groups.append((label, []))
        quantity = "" if line.quantity is None else f"{quantity_text(line.quantity)} {line.unit}"
        groups[-1][1].append(
            {"line": line, "quantity": quantity, "amount": amount_text(line.amount, currency, decimals)}
        )
    return groups


def facts_of(invoice: Invoice) -> list[tuple[str, Any]]:
    """Return what stands beside the lines."""
    facts: list[tuple[str, Any]] = [
        ("Client", linked(invoice.client, invoice.client_name)),
        ("Account", linked(invoice.account, invoice.account_name)),
        ("Period", invoice.period),
    ]
    if invoice.corrects:
        facts.append(("Credits", linked(invoice.corrects, str(invoice.corrects))))
        facts.append(("Charges", invoice.get_effect_display()))
    if invoice.issued_at:
        facts.append(("Issued", render.moment(invoice.issued_at)))
        facts.append(("By", invoice.issued_by or "the product itself"))
        if invoice.kind == "invoice":
            facts.append(("Due when issued", render.money(invoice.due, invoice.currency)))
    else:
        facts.append(("Drafted", render.moment(invoice.created_at)))
        facts.append(("By", invoice.created_by or "the product itself"))
    if invoice.due_on:
        facts.append(("Pay by", f"{invoice.due_on:%Y-%m-%d}"))
    return facts


def linked(row: Any, words: str) -> SafeString:
    """Return a link to a row's page."""
    return format_html('<a href="{}">{}</a>', row.get_absolute_url(), words)


@register_tab(Invoice, "lines")
class InvoiceLinesTab(TabListView):
    """The lines, to search and export."""

    tab = ViewTab("Lines", badge=lambda invoice: bounded_count(invoice.lines), weight=200)
    model = InvoiceLine
    table_class, filterset_class = InvoiceLineTable, InvoiceLineFilterSet

    def get_queryset(self) -> QuerySet[InvoiceLine]:
        """Return the document's lines."""
        return InvoiceLine.objects.filter(invoice=self.object).select_related("invoice")


@register_tab(Invoice, "charges")
class InvoiceChargesTab(TabListView):
    """The ledger entries behind the lines."""

    tab = ViewTab("Charges", weight=300)
    model = LedgerEntry
    table_class, filterset_class = BilledTable, BilledFilterSet
    keyset = ("at", "id")
    empty = EmptyState("Nothing billed yet", "What a draft would bill is bound to it when it is issued.", "receipt")

    def get_queryset(self) -> QuerySet[LedgerEntry]:
        """Return what the document billed."""
        return LedgerEntry.objects.filter(billed__line__invoice=self.object).select_related("balance")


class InvoicePdf(View):
    """The document."""

    access = Access.READ

    def get(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Send it, to be shown by the browser."""
        invoice = get_object_or_404(invoices(), pk=pk)
        try:
            return pdf_response(invoice_pdf(invoice), file_name(invoice))
        except FontsMissing as error:
            return HttpResponse(str(error), status=503, content_type="text/plain")


class OwnInvoicesTab(TabListView):
    """The invoices of one account or client."""

    model = Invoice
    table_class, filterset_class = InvoiceTable, InvoiceFilterSet
    empty = EmptyState("No invoice yet", "An invoice bills what the ledger charged in a month.", "file-invoice")
    owner = ""

    def get_queryset(self) -> QuerySet[Invoice]:
        """Return its invoices."""
        return invoices().filter(**{self.owner: self.object})


@register_tab("accounts.account", "invoices")
class AccountInvoicesTab(OwnInvoicesTab):
    """The invoices of an account."""

    page_actions = (PageAction("New invoice", "invoices:invoice_add", icon="plus", query="?account={pk}"),)
    tab = ViewTab("Invoices", weight=850)
    owner = "account"


@register_tab("accounts.client", "invoices")
class ClientInvoicesTab(OwnInvoicesTab):
    """The invoices of a client."""

    tab = ViewTab("Invoices", weight=300)
    owner = "client"
