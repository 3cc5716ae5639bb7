"""Invoices as lists and pages show them."""

from django.db.models import QuerySet

from cdr.invoices.models import Invoice
from systemlog.mail.models import OutgoingMail


def invoices() -> QuerySet[Invoice]:
    """Return all, with the names that a list shows."""
    return Invoice.objects.select_related("account", "client", "corrects").order_by("-created_at", "-id")


def mails_of(invoice: Invoice) -> QuerySet[OutgoingMail]:
    """Return the messages that carried an invoice, newest first."""
    return (
        OutgoingMail.objects.filter(key__startswith=f"invoice:{invoice.pk}:")
        .defer("attachment", "body", "refs")
        .order_by("-created_at", "-id")
    )
