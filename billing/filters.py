"""Filters of ledgers, products, rate tables and rates."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from billing.choices import EntryKind
from billing.models import LedgerEntry, Product, Rate, RateTable
from core.archive import ArchivedFilterMixin
from core.filters import PortalFilterSet


class LedgerFilterSet(PortalFilterSet):
    """Ledger entries by kind, note and day."""

    search_fields = ("note__icontains",)
    search_placeholder = "Note"
    kind = django_filters.ChoiceFilter(choices=EntryKind.choices)
    since = django_filters.DateFilter("at", lookup_expr="date__gte", label="From day")
    until = django_filters.DateFilter("at", lookup_expr="date__lte", label="To day")

    class Meta:
        model = LedgerEntry
        fields: tuple[str, ...] = ("kind",)


class ProductFilterSet(ArchivedFilterMixin, PortalFilterSet):
    """Products by name and kind."""

    search_fields = ("name__icontains", "description__icontains")
    search_placeholder = "Name or description"

    class Meta:
        model = Product
        fields: tuple[str, ...] = ("kind",)


class RateTableFilterSet(ArchivedFilterMixin, PortalFilterSet):
    """Rate tables by name and currency."""

    search_fields = ("name__icontains", "description__icontains")
    search_placeholder = "Name or description"

    class Meta:
        model = RateTable
        fields: tuple[str, ...] = ("currency",)


class RateFilterSet(PortalFilterSet):
    """Rates by code, or by a whole number that they price."""

    search_fields = ("description__icontains", "code__startswith")
    search_placeholder = "Code, number or description"
    enabled = django_filters.BooleanFilter(label="Enabled")

    class Meta:
        model = Rate
        fields: tuple[str, ...] = ("enabled",)

    def quick_search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Find the codes that start a number, where one of seven digits or more is searched."""
        digits = value.replace(" ", "").removeprefix("+")
        if digits.isdecimal() and 7 <= len(digits) <= 15:
            return queryset.filter(code__in=[digits[:length] for length in range(len(digits) + 1)])
        return super().quick_search(queryset, name, value)
