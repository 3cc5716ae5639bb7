"""The pages Margin and Traffic: a period, a grouping, totals, a plot, and the rows."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views import View

from cdr.reports.filters import MarginFilterSet, ReportFilterSet, TrafficFilterSet
from cdr.reports.freshness import freshness
from cdr.reports.groupings import GROUPINGS
from cdr.reports.models import MoneyDay, TrafficDay
from cdr.reports.periods import Period, month_period, quick_periods
from cdr.reports.plots import margin_plot, traffic_plot
from cdr.reports.sums import margin_totals, traffic_rows, traffic_totals
from cdr.reports.tables import MarginTable, TrafficTable
from core.access import Access
from core.business_time import business_zone, today
from core.filters import filters_of
from core.views import EmptyState, ListView, PageAction

TOP = 10


class ReportView(ListView):
    """What both reports share; the rows are sums, so nothing can be done to them."""

    http_method_names = ["get", "head", "options"]
    template_name = "reports/report.html"
    fragment_name = "reports/report_body.html"
    filterset_class: type[ReportFilterSet]
    unique_order: tuple[str, ...] = ("key",)
    plot_url = ""
    totals_template = ""
    notes_template = ""

    def get_filterset(self) -> ReportFilterSet:
        """Return the filter set; without any filter it is bound, too, since a period is always in force."""
        self.filterset: ReportFilterSet = self.filterset_class(
            filters_of(self.request.GET), queryset=self.get_queryset(), request=self.request
        )
        return self.filterset

    def chosen_order(self) -> list[str]:
        """Return the order that the address names; days come latest first."""
        order = self.filterset.grouping.order
        return super().chosen_order() or ([order] if order else [])

    def table_options(self) -> dict[str, Any]:
        """Tell the table what its rows are."""
        filterset = self.filterset
        return {"by": filterset.grouping, "period": filterset.period, "kept": filterset.kept_for_calls}

    def list_context(self, rows: Any, filterset: Any) -> dict[str, Any]:
        """Add period, groupings, totals and freshness to the list."""
        period = filterset.period
        valid = not filterset.invalid()
        context = super().list_context(rows, filterset)
        return context | {
            "period": period,
            "earlier": self.address(period.moved(-1)),
            "later": self.address(period.moved(1)) if period.last < today() else "",
            "quick": [(words, self.address(each), each == period) for words, each in quick_periods()],
            "groupings": [
                (grouping.label, self.address(by=grouping.slug), grouping is filterset.grouping)
                for grouping in GROUPINGS.values()
            ],
            "freshness": freshness(period) if valid else None,
            "zone": business_zone().key,
            "plot_address": f"{reverse(self.plot_url)}?{filters_of(self.request.GET).urlencode()}",
            "latest": self.latest(period) if context["is_empty"] else None,
            **(self.totals(filterset) if valid and not context["is_empty"] else {}),
        }

    def address(self, period: Period | None = None, **changes: str) -> str:
        """Return this page's address with another period or grouping, from its first page on."""
        query = self.request.GET.copy()
        for name in ("page", "sort") if changes else ("page",):
            query.pop(name, None)
        if period:
            changes = {"day_after": period.first.isoformat(), "day_before": period.last.isoformat()}
        for name, value in changes.items():
            query[name] = value
        return f"?{query.urlencode()}"

    def latest(self, period: Period) -> tuple[str, str] | None:
        """Return name and address of the latest month that has anything, for a reader who looks at an empty one."""
        day = self.get_queryset().order_by("-day").values_list("day", flat=True).first()
        if day is None or period.first <= day <= period.last:
            return None
        month = month_period(day)
        return month.words, self.address(month)

    def totals(self, filterset: ReportFilterSet) -> dict[str, Any]:
        """Return the totals for the page."""
        raise NotImplementedError


class MarginView(ReportView):
    """What was charged to clients, less what is owed to carriers."""

    title = "Margin"
    model = MoneyDay
    table_class = MarginTable
    filterset_class = MarginFilterSet
    plot_url = "reports:margin_plot"
    totals_template = "reports/margin_totals.html"
    notes_template = "reports/margin_notes.html"
    unique_order = ("key", "currency")
    empty = EmptyState(
        "No money has moved yet",
        "A call earns or costs as soon as a product prices it: give a carrier's address or an account a product with a "
        "rate table. Rentals of DIDs count, too.",
        icon="report-money",
        action=PageAction("Open the products", "billing:product_list", permission=Access.READ),
    )

    def totals(self, filterset: ReportFilterSet) -> dict[str, Any]:
        """Return the sums of each currency."""
        return {"totals": margin_totals(filterset.facts)}


class TrafficView(ReportView):
    """How many calls came, how many were answered, how long they lasted."""

    title = "Traffic"
    model = TrafficDay
    table_class = TrafficTable
    filterset_class = TrafficFilterSet
    plot_url = "reports:traffic_plot"
    totals_template = "reports/traffic_totals.html"
    notes_template = "reports/traffic_notes.html"
    empty = EmptyState(
        "No call has ended yet",
        "Every inbound call counts here from its end on. Send a test call from your provider to one of the DIDs.",
        icon="chart-bar",
        action=PageAction("Open the DIDs", "dids:did_list", permission=Access.READ),
    )

    def totals(self, filterset: ReportFilterSet) -> dict[str, Any]:
        """Return the sums, and the numbers with the most minutes."""
        by = GROUPINGS["did"]
        rows = traffic_rows(filterset.facts.filter(did__isnull=False), by).order_by("-talk_us", "key")[:TOP]
        top = list(rows)
        most = max((row["talk_us"] for row in top), default=0)
        return {
            "totals": traffic_totals(filterset.facts),
            "top": [
                {
                    "words": by.words(row),
                    "url": by.url(row),
                    "seconds": row["talk_us"] / 1_000_000,
                    "answered": row["answered"],
                    "share": 100 * row["talk_us"] // most if most else 0,
                }
                for row in top
            ],
            "top_address": self.address(by="did"),
        }


class ReportPlotView(View):
    """A report's plot as numbers, of the days and filters in the address."""

    access = Access.READ
    model: Any
    filterset_class: type[ReportFilterSet]

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Return the numbers; none for an address that cannot be read."""
        filterset = self.filterset_class(filters_of(request.GET), queryset=self.model.objects.all(), request=request)
        invalid = filterset.invalid()
        found = {"errors": invalid, "days": [], "plots": []} if invalid else self.numbers(filterset)
        response = JsonResponse(found, status=400 if invalid else 200)
        response["Cache-Control"] = "no-store"
        return response

    def numbers(self, filterset: ReportFilterSet) -> dict[str, Any]:
        """Return days and series."""
        raise NotImplementedError


class MarginPlotView(ReportPlotView):
    """Money by day."""

    model = MoneyDay
    filterset_class = MarginFilterSet

    def numbers(self, filterset: ReportFilterSet) -> dict[str, Any]:
        """Return one plot per currency."""
        return margin_plot(filterset.facts, filterset.period)


class TrafficPlotView(ReportPlotView):
    """Calls by day."""

    model = TrafficDay
    filterset_class = TrafficFilterSet

    def numbers(self, filterset: ReportFilterSet) -> dict[str, Any]:
        """Return one plot."""
        return traffic_plot(filterset.facts, filterset.period)
