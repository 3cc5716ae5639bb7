"""Rental charges over HTTP: what fell due for which number, and whether it is paid."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from rest_framework import mixins

from core.api import PortalSerializer, PortalViewSet
from core.filters import PortalFilterSet
from dids.rentals.models import RentalCharge


class RentalChargeSerializer(PortalSerializer):
    """One fee for one period, as it stood when it fell due; ``charged_at`` is null while it finds no funds."""

    class Meta:
        model = RentalCharge
        fields = (
            "id", "did", "number", "side", "carrier", "account", "kind", "first", "last", "days", "of_days", "plan",
            "plan_name", "fee", "amount", "currency", "due_at", "charged_at", "entry",
        )  # fmt: skip
        read_only_fields = fields


class RentalChargeFilterSet(PortalFilterSet):
    """Charges of one number, account or carrier, paid or not."""

    search_fields = ("number__contains",)
    unpaid = django_filters.BooleanFilter("charged_at", lookup_expr="isnull")

    class Meta:
        model = RentalCharge
        fields: tuple[str, ...] = ("did", "account", "carrier", "side", "kind")


class RentalChargeViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, PortalViewSet):
    """What numbers were charged; billing writes it."""

    queryset: QuerySet[Any] = RentalCharge.objects.all()
    serializer_class = RentalChargeSerializer
    filterset_class = RentalChargeFilterSet
