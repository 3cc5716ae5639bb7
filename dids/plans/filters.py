"""Filters of rental plans."""

import django_filters

from core.archive import ArchivedFilterMixin
from dids.plans.choices import RentalSide
from dids.plans.models import RentalPlan


class PlanFilterSet(ArchivedFilterMixin):
    """Plans by name and side; archived ones are shown where they are asked for."""

    search_fields = ("name__icontains",)
    search_placeholder = "Name of a plan"
    side = django_filters.ChoiceFilter(choices=RentalSide.choices)

    class Meta:
        model = RentalPlan
        fields: tuple[str, ...] = ("side", "currency", "is_default")
