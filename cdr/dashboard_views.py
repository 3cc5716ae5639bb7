"""The dashboard: one page, its live part by htmx, its plot's data as JSON."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views import View

from cdr import today
from cdr.choices import Outcome
from cdr.first_steps import next_step
from core.access import Access
from core.views.base import PageView


class DashboardView(PageView):
    """What goes on now and went on today."""

    access = Access.READ
    title = "Dashboard"
    template_name = "cdr/dashboard.html"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Show the page, or its live part alone."""
        context = self.get_context_data(**dashboard_context())
        if self.wants_fragment("dashboard"):
            return self.render(context, "cdr/dashboard_fragment.html")
        return self.render(context)


def dashboard_context() -> dict[str, Any]:
    """Gather the figures of now and today."""
    now = timezone.localtime()
    start = today.start_of_day(now)
    reasons = today.reasons_since(start)
    up, setting_up = today.calls_now()
    registered, aliases = today.phones(now)
    states = today.processes(now)
    return {
        "now": now,
        "calls_up": up,
        "calls_setting_up": setting_up,
        "outcomes": [(outcome, count) for outcome, count in today.outcomes_of(reasons).items()],
        "calls_today": sum(reasons.values()),
        "refusals": today.failures(reasons, Outcome.REFUSED),
        "unanswered": today.failures(reasons, Outcome.UNANSWERED),
        "unknown_sources": today.unknown_sources(start),
        "registered": registered,
        "aliases": aliases,
        "processes": states,
        "dead": [process for process in states if not process.alive],
        "switch_seen": any(process.kind == "switch" for process in states),
        "differences": today.verdict_differences(),
        "dead_letters": today.open_dead_letters(),
        "start": start,
        "next_step": next_step(),
    }


class DashboardPlotView(View):
    """Calls of the day by outcome, for the plot."""

    access = Access.READ

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Return the numbers."""
        now = timezone.localtime()
        response = JsonResponse(
            {
                **today.slots_since(today.start_of_day(now), now),
                "zone": str(now.tzinfo),
                "labels": {outcome.value: outcome.label for outcome in Outcome},
            }
        )
        response["Cache-Control"] = "no-store"
        return response
