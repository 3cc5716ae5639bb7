"""Filters of the lists of clients, accounts, aliases and registrations."""

from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from accounts.models import Account, Alias, Client, Registration
from core.archive import ArchivedFilterMixin
from core.filters import PortalFilterSet


class ClientFilterSet(ArchivedFilterMixin):
    """Clients by name."""

    search_fields = ("name__icontains", "email__icontains")
    search_placeholder = "Name or e-mail"

    class Meta:
        model = Client
        fields: tuple[str, ...] = ()


class AccountFilterSet(ArchivedFilterMixin):
    """Accounts by name, client and state."""

    search_fields = ("name__icontains", "client__name__icontains")
    search_placeholder = "Account, client or alias"

    class Meta:
        model = Account
        fields: tuple[str, ...] = ("state", "product")

    def quick_search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Find by the account's or client's name, or the whole user name of an alias.

        The alias by a subquery: with a join, each account would need DISTINCT, and that the counts of all accounts.
        """
        for word in value.split()[:8]:
            named = Q(name__icontains=word) | Q(client__name__icontains=word)
            queryset = queryset.filter(named | Q(pk__in=Alias.objects.filter(username__iexact=word).values("account")))
        return queryset


class AliasFilterSet(PortalFilterSet):
    """Aliases by user name, state, and whether a phone is registered."""

    search_fields = ("username__icontains", "description__icontains", "account__name__icontains")
    search_placeholder = "Name, description or account"
    enabled = django_filters.BooleanFilter(label="Enabled")
    registered = django_filters.BooleanFilter(label="Registered")

    class Meta:
        model = Alias
        fields: tuple[str, ...] = ("enabled",)


class RegistrationFilterSet(PortalFilterSet):
    """Registrations by alias, address or user agent."""

    search_fields = (
        "alias__username__icontains",
        "contact__icontains",
        "received__icontains",
        "user_agent__icontains",
        "alias__account__name__icontains",
    )
    search_placeholder = "Alias, address or user agent"
    current = django_filters.BooleanFilter(label="Registered now")

    class Meta:
        model = Registration
        fields: tuple[str, ...] = ("transport", "switch")
