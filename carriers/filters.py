"""Filters of the lists of carriers and of their addresses."""

import ipaddress
from typing import Any

import django_filters
from django.db.models import F, Q, QuerySet

from carriers.models import Carrier, CarrierAccount
from core.archive import ArchivedFilterMixin
from core.filters import PortalFilterSet


class CarrierFilterSet(ArchivedFilterMixin):
    """Carriers by name, by the address of a call, and by what keeps their calls out."""

    search_fields = ("name__icontains",)
    search_placeholder = "Name, or an address that calls"
    enabled = django_filters.BooleanFilter(label="Enabled")
    is_did_provider = django_filters.BooleanFilter(label="DID provider")
    in_credit = django_filters.BooleanFilter(label="Has credit", method="by_credit")

    class Meta:
        model = Carrier
        fields = ("enabled", "is_did_provider")

    def quick_search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Find whose address it is, where an address is searched; else by name."""
        if address := _address(value):
            owners = CarrierAccount.objects.filter(network__net_contains_or_equals=address).values("carrier")
            return queryset.filter(pk__in=owners)
        return super().quick_search(queryset, name, value)

    def by_credit(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """Keep carriers whose calls have, or lack, credit."""
        condition = Q(balance__amount__gt=-F("balance__credit_limit"))
        return queryset.filter(condition if value else ~condition)


class CarrierAccountFilterSet(PortalFilterSet):
    """Addresses by any address inside them, by description or tech prefix."""

    search_fields = ("description__icontains", "tech_prefix__startswith", "network__startswith")
    search_placeholder = "Address, description or tech prefix"
    enabled = django_filters.BooleanFilter(label="Enabled")

    class Meta:
        model = CarrierAccount
        fields = ("enabled", "product", "number_source")

    def quick_search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Find the entries that hold an address, where one is searched; else by words."""
        if address := _address(value):
            return queryset.filter(network__net_contains_or_equals=address)
        return super().quick_search(queryset, name, value)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return ""
