"""Filters of the lists of DIDs."""

import re
from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from accounts.models import Account, Alias, Client
from carriers.models import Carrier
from core.countries import country_choices
from core.filters import LeftOut, PortalFilterSet
from dids.choices import DIDState
from dids.models import DID
from dids.plans.models import RentalPlan


def number_search(queryset: QuerySet[Any], text: str) -> QuerySet[Any] | None:
    """Return the DIDs whose digits hold those of ``text``, or None where it is not written like a number."""
    if not re.fullmatch(r"\+?[\d\s().\-/]+", text.strip()):
        return None
    digits = re.sub(r"\D", "", text)
    # 0044… and 020… name the same DIDs as +44… and 20…
    return queryset.filter(number__contains=digits.removeprefix("00").removeprefix("0"))


class AvailableFilterSet(PortalFilterSet):
    """Available DIDs by number, carrier and country."""

    search_fields: tuple[str, ...] = ("area__icontains", "carrier__name__icontains")
    search_placeholder = "Number, area or carrier"
    country = django_filters.ChoiceFilter(choices=country_choices)

    class Meta:
        model = DID
        fields: tuple[str, ...] = ("carrier", "country")

    def quick_search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Find by digits where a number is searched, else by words."""
        found = number_search(queryset, value)
        return self.words_search(queryset, value) if found is None else found

    def words_search(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Find the DIDs that hold every word."""
        return super().quick_search(queryset, "q", value)


class DIDFilterSet(AvailableFilterSet):
    """DIDs by number, state, carrier, holder and country; retired ones, whose state is their archive, if asked for."""

    search_placeholder = "Number, carrier, account or alias"
    left_out = LeftOut("retired", "?state=retired")
    state = django_filters.ChoiceFilter(choices=DIDState.choices)
    country = django_filters.ChoiceFilter(choices=country_choices)
    plan = django_filters.ModelChoiceFilter(
        label="Rental plan", queryset=RentalPlan.objects.order_by("name"), method="by_plan"
    )

    class Meta:
        model = DID
        fields = ("state", "carrier", "country")

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Leave retired numbers out unless a state is chosen or something is searched."""
        asked = self.form.cleaned_data.get("state") or self.form.cleaned_data.get("q")
        return super().filter_queryset(queryset if asked else queryset.exclude(state=DIDState.RETIRED))

    def by_plan(self, queryset: QuerySet[Any], name: str, value: RentalPlan) -> QuerySet[Any]:
        """Find the DIDs that are bought or sold by a plan."""
        return queryset.filter(**{f"{value.side}_plan": value})

    def words_search(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Find each word in the DID or a holder's name; names are looked up once, not once for each of their DIDs."""
        for word in value.split()[:8]:
            clients = Client.objects.filter(name__icontains=word)
            accounts = Account.objects.filter(Q(name__icontains=word) | Q(client__in=clients.order_by().values("pk")))
            aliases = Q(username__icontains=word) | Q(account__in=accounts.order_by().values("pk"))
            holders = Alias.objects.filter(aliases)
            carriers = Carrier.objects.filter(name__icontains=word)
            # In this order PostgreSQL asks: a look at a few names' ids is cheap, a text in capitals is not.
            queryset = queryset.filter(
                Q(alias__in=holders.order_by().values("pk"))
                | Q(carrier__in=carriers.order_by().values("pk"))
                | Q(area__icontains=word)
                | Q(notes__icontains=word)
            )
        return queryset


class AccountDIDFilterSet(AvailableFilterSet):
    """The DIDs of one account by number, alias and state."""

    search_fields = ("alias__username__icontains", "area__icontains")
    search_placeholder = "Number or alias"
    state = django_filters.ChoiceFilter(choices=DIDState.choices)
    country = None

    class Meta:
        model = DID
        fields = ("state",)
