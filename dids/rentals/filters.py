"""Filters of rentals."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from core.filters import PortalFilterSet
from dids.filters import number_search
from dids.models import DID
from dids.rentals.dunning import owes
from dids.rentals.models import RentalTerm


class TermFilterSet(PortalFilterSet):
    """Rentals by number and by whether they are paid."""

    search_fields = ("did__area__icontains",)
    search_placeholder = "Number or area"
    paid = django_filters.ChoiceFilter(label="State", choices=(("no", "Unpaid"), ("yes", "Paid")), method="by_paid")

    class Meta:
        model = RentalTerm
        fields: tuple[str, ...] = ()

    def quick_search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Find by digits where a number is searched, else by words."""
        found = number_search(DID.objects.all(), value)
        if found is None:
            return super().quick_search(queryset, name, value)
        return queryset.filter(did__in=found.order_by().values("pk"))

    def by_paid(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Find what owes, or what does not."""
        return queryset.filter(owes()) if value == "no" else queryset.exclude(owes())
