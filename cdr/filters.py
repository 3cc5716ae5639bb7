"""Filters of the CDR list."""

import datetime as dt
from typing import Any

import django_filters as filters
from django.db.models import F, Q, QuerySet

from cdr.choices import Outcome
from cdr.models import CDR
from core.countries import country_choices
from core.filters import PortalFilterSet
from dids.models import DID
from routing.reasons import choices as reason_choices
from systemlog.filters import CALL_ID, address_in, number_digits
from systemlog.models import LogEntry
from systemlog.references import ids_found

MOST_CALLS = 2000
# In the place of "#12": the calls that no such party was found for.
NOBODY = "#0"
NO_COUNTRY = "none"


def countries() -> list[tuple[str, str]]:
    """Return the countries of DIDs, and what finds the calls without one."""
    return [(NO_COUNTRY, "None"), *country_choices()]


class CdrFilterSet(PortalFilterSet):
    """Calls by outcome, reason, party and time."""

    search_fields = ("call_id",)
    search_placeholder = "Number, address, Call-ID or alias"
    # Without DISTINCT, which would read the whole table before the first row.
    outcome = filters.MultipleChoiceFilter(method="by_outcome", choices=Outcome.choices)
    reason = filters.MultipleChoiceFilter(choices=reason_choices, distinct=False)
    carrier = filters.CharFilter(method="party", label="Carrier")
    did = filters.CharFilter(method="party", label="DID")
    country = filters.ChoiceFilter(method="by_country", choices=countries, label="Country of the DID")
    client = filters.CharFilter(method="party", label="Client")
    account = filters.CharFilter(method="party", label="Account")
    alias = filters.CharFilter(method="party", label="Alias")
    source = filters.CharFilter(method="by_source", label="Source address")
    caller = filters.CharFilter(lookup_expr="icontains", label="Caller (From) contains")
    switch = filters.CharFilter(label="Switch (its name)")
    hung_up_by = filters.ChoiceFilter(choices=[("caller", "Caller"), ("callee", "Phone"), ("switch", "Switch")])
    longer = filters.NumberFilter(method="by_duration", label="Lasted at least, s")
    traced = filters.BooleanFilter()
    started_at = filters.IsoDateTimeFromToRangeFilter(label="Set-up (from, to)")

    class Meta:
        model = CDR
        fields = (
            "outcome", "reason", "carrier", "did", "country", "client", "account", "alias", "source", "caller",
            "switch", "hung_up_by", "longer", "traced", "started_at",
        )  # fmt: skip

    def by_outcome(self, queryset: QuerySet[Any], name: str, value: list[str]) -> QuerySet[Any]:
        """Keep calls with one of these outcomes."""
        condition = Q()
        for outcome in value:
            condition |= Outcome(outcome).condition
        return queryset.filter(condition)

    def party(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Keep calls of the carriers, DIDs, … whose name holds a text, or was exactly it at the call."""
        if value.strip() == NOBODY:
            return queryset.filter(**{f"{name}_id": None})
        found = ids_found(name, number_digits(value) or value if name == "did" else value)
        return queryset.filter(Q(**{f"{name}_id__in": found}) | Q(**{f"{name}_label": value}))

    def by_country(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Keep calls to DIDs of a country, or those to none."""
        if value == NO_COUNTRY:
            # A DID that was deleted since has no country either.
            return queryset.exclude(did_id__in=DID.objects.exclude(country="").values("pk"), did_id__isnull=False)
        return queryset.filter(did_id__in=DID.objects.filter(country=value).values("pk"))

    def by_source(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Keep calls from one address."""
        address = address_in(value)
        return queryset.filter(source=address) if address else queryset.none()

    def by_duration(self, queryset: QuerySet[Any], name: str, value: Any) -> QuerySet[Any]:
        """Keep calls that lasted at least so many seconds."""
        return queryset.filter(ended_at__gte=F("answered_at") + dt.timedelta(seconds=float(value)))

    def quick_search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Search a number, address, Call-ID or alias, each by its index."""
        if digits := number_digits(value):
            return self._by_number(queryset, digits)
        for word in value.split()[:8]:
            if address := address_in(word):
                queryset = queryset.filter(source=address)
            elif digits := number_digits(word):
                queryset = self._by_number(queryset, digits)
            elif CALL_ID.fullmatch(word):
                queryset = queryset.filter(call_id=word)
            else:
                queryset = queryset.filter(Q(alias_id__in=ids_found("alias", word)) | Q(alias_label=word))
        return queryset

    @staticmethod
    def _by_number(queryset: QuerySet[Any], digits: str) -> QuerySet[Any]:
        # A refused call may have no E.164 number; the log has indexed the number as the carrier sent it.
        logged = (
            LogEntry.objects.filter(number__startswith=digits, attempt_id__isnull=False)
            .order_by("-at")
            .values_list("attempt_id", flat=True)[:MOST_CALLS]
        )
        return queryset.filter(Q(number__startswith=digits) | Q(attempt_id__in=set(logged)))
