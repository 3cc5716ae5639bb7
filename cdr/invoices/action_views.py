"""What is done to an invoice: issue, refresh and discard a draft; send and credit what is issued."""

from typing import Any

from crispy_forms.layout import Div, Field, Layout
from django import forms
from django.db.models import QuerySet
from django.urls import reverse

from billing.currencies import amount_text
from cdr.invoices.choices import CreditEffect
from cdr.invoices.crediting import credit_invoice, left_to_credit
from cdr.invoices.forms import CreditForm, SendForm
from cdr.invoices.issuing import discard_draft, issue_invoice, refresh_draft
from cdr.invoices.models import Invoice
from cdr.invoices.selectors import invoices
from cdr.invoices.sending import send_invoice
from core.access import Access
from core.forms import PortalFormHelper
from core.views import FormActionView
from systemlog.mail.models import OutgoingMail
from systemlog.mail.server import NO_SERVER, mail_is_set


def money(invoice: Invoice) -> str:
    """Return what an invoice comes to."""
    return f"{amount_text(invoice.gross, invoice.currency)} {invoice.currency}"


class InvoiceActionView(FormActionView):
    """Something done to an invoice after a question."""

    model = Invoice
    form_class: Any = forms.Form

    def get_queryset(self) -> QuerySet[Invoice]:
        """Return invoices with account and client."""
        return invoices().select_related("account__balance")


class InvoiceIssue(InvoiceActionView):
    """Issue a draft."""

    title = "Issue this invoice?"
    submit_label = "Issue"

    def get_lead(self) -> str:
        """Say what it comes to, and that it cannot be changed."""
        invoice = self.object
        return (
            f"{invoice.client_name}, {invoice.account_name}, {invoice.period}: {money(invoice)}. "
            "It gets the next number and never changes again; a credit note corrects it."
        )

    def perform(self, form: Any) -> Invoice:
        """Issue it."""
        return issue_invoice(actor=self.actor, invoice=self.object)

    def get_success_message(self, result: Invoice) -> str:
        """Say its number."""
        return f"{result.title} issued."


class InvoiceRefresh(InvoiceActionView):
    """Bring a draft up to date."""

    title = "Refresh this draft?"
    lead = "Its lines become those of all charges that stand on no invoice now."
    submit_label = "Refresh"

    def perform(self, form: Any) -> Invoice:
        """Compute it anew."""
        return refresh_draft(invoice=self.object)

    def get_success_message(self, result: Invoice) -> str:
        """Say what it comes to."""
        return f"Refreshed: {money(result)}."


class InvoiceDiscard(InvoiceActionView):
    """Throw a draft away."""

    title = "Discard this draft?"
    lead = "Its charges stay unbilled and go to the next invoice."
    submit_label = "Discard"

    def perform(self, form: Any) -> Invoice:
        """Delete it."""
        discard_draft(invoice=self.object)
        return self.object

    def get_success_url(self, result: Invoice) -> str:
        """Return the list."""
        return reverse("invoices:invoice_list")

    def get_success_message(self, result: Invoice) -> str:
        """Say so."""
        return "Draft discarded."


class InvoiceSend(InvoiceActionView):
    """Send an issued document to the client, again too."""

    title = "Send by e-mail"
    submit_label = "Send"
    form_class = SendForm

    def get_initial(self) -> dict[str, Any]:
        """Begin with the client's address."""
        return {"to": self.object.client.email}

    def get_lead(self) -> str:
        """Say what goes, or that nothing can."""
        if not mail_is_set():
            return NO_SERVER
        return f"{self.object.title}, {money(self.object)}, goes as a PDF. Its page then says what became of it."

    def perform(self, form: Any) -> OutgoingMail:
        """Queue the message."""
        cleaned = form.cleaned_data
        return send_invoice(actor=self.actor, invoice=self.object, to=cleaned["to"], key=str(cleaned["form_id"]))

    def get_success_url(self, result: OutgoingMail) -> str:
        """Return the invoice, whose page shows what becomes of it."""
        return self.object.get_absolute_url()

    def get_success_message(self, result: OutgoingMail) -> str:
        """Say that it waits, not that it arrived."""
        return f"{self.object.title} is queued for {result.to}."


class InvoiceCredit(InvoiceActionView):
    """Credit an invoice, wholly or in part; administrators only."""

    access = Access.ADMIN
    title = "Credit note"
    submit_label = "Issue credit note"
    form_class = CreditForm
    template_name = "invoices/credit.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        """Say what is left of each line."""
        return super().get_form_kwargs() | {"invoice": self.object, "left": left_to_credit(self.object)}

    def get_form(self) -> Any:
        """Set the lines apart."""
        form: Any = super().get_form()
        form.helper = PortalFormHelper(form)
        form.helper.layout = Layout(
            "notes_seen", "reason", "effect", "extent",
            Div(*(Field(name, wrapper_class="credit-line") for name in form.line_fields), css_class="credit-part mb-3"),
        )  # fmt: skip
        return form

    def get_lead(self) -> str:
        """Say what it corrects."""
        return (
            f"{self.object.title}, {money(self.object)}, stays as it is. The credit note has a number of its own and "
            "gives back the tax too. Money that goes back to the client is a refund, on the account's page."
        )

    def perform(self, form: Any) -> Invoice:
        """Issue it."""
        return credit_invoice(
            actor=self.actor, invoice=self.object, reason=form.cleaned_data["reason"],
            effect=CreditEffect(form.cleaned_data["effect"]), amounts=form.amounts(),
            notes_seen=form.cleaned_data["notes_seen"],
        )  # fmt: skip

    def get_success_url(self, result: Invoice) -> str:
        """Return the credit note."""
        return result.get_absolute_url()

    def get_success_message(self, result: Invoice) -> str:
        """Say its number."""
        return f"{result.title} issued: {money(result)}."
