"""Filters of invoices."""

from typing import Any

import django_filters
from django import forms

from billing.models import LedgerEntry
from cdr.invoices.choices import InvoiceKind, InvoiceState, LineKind, RunOutcome, RunState
from cdr.invoices.models import Invoice, InvoiceLine, InvoiceRun, RunAccount
from core.filters import PortalFilterSet, SeveralFilter, TimeRangeFilter


class InvoiceFilterSet(PortalFilterSet):
    """Invoices by number, client, account, state and time."""

    search_fields = (
        "number__icontains",
        "client_name__icontains",
        "account_name__icontains",
        "client__name__icontains",
    )
    search_placeholder = "Number, client or account"
    kind = SeveralFilter(choices=InvoiceKind.choices)
    state = SeveralFilter(choices=InvoiceState.choices)
    currency = django_filters.CharFilter(lookup_expr="iexact")
    covers = django_filters.DateFilter(
        label="Period covers the day", method="covering", widget=forms.DateInput(attrs={"type": "date"})
    )
    issued = TimeRangeFilter(field_name="issued_at", label="Issued")

    class Meta:
        model = Invoice
        fields: tuple[str, ...] = ()

    def covering(self, queryset: Any, name: str, value: Any) -> Any:
        """Keep those whose period holds a day."""
        return queryset.filter(first_day__lte=value, last_day__gte=value)


class InvoiceLineFilterSet(PortalFilterSet):
    """Lines by kind and text."""

    search_fields = ("description__icontains",)
    kind = SeveralFilter(choices=LineKind.choices)
    late = django_filters.BooleanFilter(label="From before the period")

    class Meta:
        model = InvoiceLine
        fields: tuple[str, ...] = ()


class BilledFilterSet(PortalFilterSet):
    """Billed entries by text."""

    search_fields = ("note__icontains",)

    class Meta:
        model = LedgerEntry
        fields: tuple[str, ...] = ("kind",)


class RunFilterSet(PortalFilterSet):
    """Runs by state."""

    state = SeveralFilter(choices=RunState.choices)

    class Meta:
        model = InvoiceRun
        fields: tuple[str, ...] = ()


class RunAccountFilterSet(PortalFilterSet):
    """Accounts of a run by name and outcome."""

    search_fields = ("account__name__icontains", "account__client__name__icontains")
    search_placeholder = "Client or account"
    outcome = SeveralFilter(choices=RunOutcome.choices)
    currency = django_filters.CharFilter(lookup_expr="iexact")

    class Meta:
        model = RunAccount
        fields: tuple[str, ...] = ()
