"""The reports over HTTP: the sums that the pages show, by the same filters."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cdr.reports.filters import MarginFilterSet, ReportFilterSet, TrafficFilterSet
from cdr.reports.freshness import freshness
from cdr.reports.groupings import GROUPINGS
from cdr.reports.models import MoneyDay, TrafficDay
from cdr.reports.sums import margin_totals, traffic_totals
from core.api import PortalViewSet
from core.fields import MoneyField
from core.filters import filters_of

MOST_ROWS = 10_000


def _amount() -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=24, decimal_places=MoneyField().decimal_places)


def _ratio() -> serializers.FloatField:
    return serializers.FloatField(allow_null=True)


class MarginSums(serializers.Serializer):
    """Money in one currency: owed is above zero where we owe, margin is charged − owed + rentals."""

    currency = serializers.CharField()
    charged = _amount()
    owed = _amount()
    rentals = _amount()
    margin = _amount()


class TrafficSums(serializers.Serializer):
    """Calls: ratios in percent, times in seconds; null where nothing is to be divided by."""

    attempts = serializers.IntegerField()
    seizures = serializers.IntegerField()
    answered = serializers.IntegerField()
    seconds = serializers.SerializerMethodField()
    asr = _ratio()
    abr = _ratio()
    ner = _ratio()
    acd = _ratio()
    pdd = _ratio()

    def get_seconds(self, row: dict[str, Any]) -> float:
        """Return the talk time of the answered calls."""
        return row["talk_us"] / 1_000_000


class _Row(serializers.Serializer):
    """``key`` is the id of what a row is about, its country, day or month; null for none."""

    key = serializers.SerializerMethodField()
    name = serializers.SerializerMethodField()

    def get_key(self, row: dict[str, Any]) -> str | None:
        """Return it as text."""
        return None if row["key"] is None else str(row["key"])

    def get_name(self, row: dict[str, Any]) -> str:
        """Return what the page calls it."""
        return self.context["by"].words(row)


class MarginRow(MarginSums, _Row):
    """One group and currency."""


class TrafficRow(TrafficSums, _Row):
    """One group."""


class _Report(serializers.Serializer):
    """``complete``: every call that has ended is counted."""

    first = serializers.DateField()
    last = serializers.DateField()
    by = serializers.CharField()
    complete = serializers.BooleanField()


@extend_schema_serializer(many=False)
class MarginReport(_Report):
    """Totals per currency, and rows."""

    totals = MarginSums(many=True)
    rows = MarginRow(many=True)


@extend_schema_serializer(many=False)
class TrafficReport(_Report):
    """Totals, and rows."""

    totals = TrafficSums()
    rows = TrafficRow(many=True)


PARAMETERS = [
    OpenApiParameter("by", enum=list(GROUPINGS), description="One row for each."),
    OpenApiParameter("day_after", type=str, description="The first business day; without both, this month."),
    OpenApiParameter("day_before", type=str, description="The last business day."),
    *(
        OpenApiParameter(name, description="A part of the name, or #id.")
        for name in ("carrier", "client", "account", "did")
    ),
    OpenApiParameter("country", description="ISO 3166 code of the DID."),
]


class MarginReportViewSet(PortalViewSet):
    """What was charged to clients, less what is owed to carriers."""

    serializer_class: Any = MarginReport
    pagination_class: Any = None
    filter_backends = []
    model: Any = MoneyDay
    report: type[ReportFilterSet] = MarginFilterSet

    @extend_schema(parameters=PARAMETERS, responses=MarginReport)
    def list(self, request: Request) -> Response:
        """Add up the days that the filters find; amounts are strings with six decimals."""
        return self.answer(request)

    def answer(self, request: Request) -> Response:
        """Return period, totals and rows; refuse what cannot be read, and more rows than anybody reads."""
        found = self.report(filters_of(request.GET), queryset=self.model.objects.all(), request=request)
        if invalid := found.invalid():
            raise ValidationError(invalid)
        rows = list(found.qs.order_by("key")[: MOST_ROWS + 1])
        if len(rows) > MOST_ROWS:
            raise ValidationError({"by": [f"More than {MOST_ROWS:,} rows: filter, or export the page."]})
        period = found.period
        body = {
            "first": period.first,
            "last": period.last,
            "by": found.grouping.slug,
            "complete": not freshness(period).waiting,
            "totals": self.totals(found),
            "rows": rows,
        }
        return Response(self.serializer_class(body, context={"by": found.grouping}).data)

    def totals(self, found: ReportFilterSet) -> Any:
        """Return the sums of each currency."""
        return margin_totals(found.facts)


class TrafficReportViewSet(MarginReportViewSet):
    """How many calls came, how many were answered, how long they lasted."""

    serializer_class = TrafficReport
    model = TrafficDay
    report = TrafficFilterSet

    @extend_schema(parameters=PARAMETERS, responses=TrafficReport)
    def list(self, request: Request) -> Response:
        """Add up the days that the filters find."""
        return self.answer(request)

    def totals(self, found: ReportFilterSet) -> Any:
        """Return the sums of all."""
        return traffic_totals(found.facts)
