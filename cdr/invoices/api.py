"""Invoices over HTTP, to read: what another system's books take over."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import mixins

from cdr.invoices.filters import InvoiceFilterSet
from cdr.invoices.models import Invoice, InvoiceLine
from cdr.invoices.selectors import invoices
from core.api import PortalSerializer, PortalViewSet


class InvoiceLineSerializer(PortalSerializer):
    """A line."""

    class Meta:
        model = InvoiceLine
        fields = ("position", "kind", "description", "quantity", "unit", "amount", "late", "corrects")
        read_only_fields = fields


class InvoiceSerializer(PortalSerializer):
    """An invoice or a credit note, without its lines."""

    class Meta:
        model = Invoice
        fields: tuple[str, ...] = (
            "id", "kind", "state", "number", "account", "client", "corrects", "effect", "first_day", "last_day",
            "currency", "lines_sum", "rounding", "net", "tax_name", "tax_rate", "tax_included", "tax", "gross", "due",
            "due_on", "client_name", "client_address", "client_tax_id", "account_name", "tax_note", "note", "issued_at",
        )  # fmt: skip
        read_only_fields = fields


class InvoiceWithLinesSerializer(InvoiceSerializer):
    """One document with its lines."""

    lines = InvoiceLineSerializer(many=True, read_only=True)

    class Meta(InvoiceSerializer.Meta):
        fields = (*InvoiceSerializer.Meta.fields, "lines")
        read_only_fields = fields


class ApiInvoiceFilterSet(InvoiceFilterSet):
    """Invoices, of one account or client too."""

    class Meta(InvoiceFilterSet.Meta):
        fields = ("account", "client", "number")


class InvoiceViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, PortalViewSet):
    """Invoices and credit notes; they are drafted, issued and credited on their pages."""

    queryset = Invoice.objects.none()
    filterset_class = ApiInvoiceFilterSet

    def get_serializer_class(self) -> Any:
        """Return one document with its lines, many without."""
        return InvoiceWithLinesSerializer if self.action == "retrieve" else InvoiceSerializer

    def get_queryset(self) -> QuerySet[Invoice]:
        """Return all."""
        return invoices()
