"""Filters of rental plans."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from core.filters import PortalFilterSet
from dids.plans.choices import RentalSide
from dids.plans.models import RentalPlan


class PlanFilterSet(PortalFilterSet):
    """Plans by name and side; archived ones are shown where they are asked for."""

    search_fields = ("name__icontains",)
    search_placeholder = "Name of a plan"
    side = django_filters.ChoiceFilter(choices=RentalSide.choices)
    archived = django_filters.ChoiceFilter(
        label="Archived", choices=(("only", "Archived only"), ("all", "Archived too")), method="with_archived"
    )

    class Meta:
        model = RentalPlan
        fields: tuple[str, ...] = ("side", "currency", "is_default")

    def with_archived(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Show archived ones."""
        return queryset.filter(archived_at__isnull=False) if value == "only" else queryset

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Leave archived ones out unless they are asked for."""
        if not self.form.cleaned_data.get("archived"):
            queryset = queryset.filter(archived_at=None)
        return super().filter_queryset(queryset)
