"""Filters of ledgers, products, rate tables and rates."""

from typing import Any

import django_filters
from django.db.models import Q, QuerySet

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


def searched_digits(text: str) -> str:
    """Return the digits of a code or number that is searched; nothing where words are."""
    digits = "".join(text.split()).removeprefix("+")
    return digits if digits.isascii() and digits.isdecimal() and len(digits) <= 15 else ""


class RateFilterSet(PortalFilterSet):
    """Rates by code: those that start with the digits, and those that the digits start with and may price them."""

    search_fields = ("description__icontains", "code__startswith")
    search_placeholder = "Code, number or description"
    enabled = django_filters.BooleanFilter(label="Enabled")

    class Meta:
        model = Rate
        fields: tuple[str, ...] = ("enabled",)

    def quick_search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Find codes by digits; words are looked for in descriptions."""
        digits = searched_digits(value)
        if not digits:
            return super().quick_search(queryset, name, value)
        shorter = [digits[:length] for length in range(len(digits) + 1)]
        return queryset.filter(Q(code__in=shorter) | Q(code__startswith=digits))
