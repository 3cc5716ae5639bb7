"""The dashboard: one page, its live part by htmx, its plot's data as JSON."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.views import View

from billing.proving import last_check
from cdr import today
from cdr.choices import Outcome
from cdr.first_steps import are_over, first_steps
from core.access import Access
from core.certificates import remembered
from core.views.base import PageView

HIDDEN = "first_steps_hidden"
YEAR = 365 * 24 * 3600


class DashboardView(PageView):
    """What goes on now and went on today."""

    access = Access.READ
    title = "Dashboard"
    template_name = "cdr/dashboard.html"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Show the page, or its live part alone."""
        context = self.get_context_data(**dashboard_context())
        if not are_over(context["now"]):
            hidden = request.COOKIES.get(HIDDEN) == "1"
            context |= {"first_steps": None if hidden else first_steps(), "first_steps_hidden": hidden}
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
        "alarms": [process for process in states if process.alive and process.alarm],
        "dead": [process for process in states if not process.alive],
        "switch_seen": any(process.kind == "switch" for process in states),
        "differences": today.verdict_differences(),
        "dead_letters": today.open_dead_letters(),
        "ledger": last_check(),
        "certificate_warning": certificate_warning(now),
        "start": start,
    }


class FirstStepsView(PageView):
    """Hide the list of first steps, or show it again: a reader's own taste, kept by the browser."""

    access = Access.READ
    access_post = Access.READ
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Note it, and lead back to the dashboard."""
        response = HttpResponseRedirect(reverse("cdr:dashboard"))
        if request.POST.get("show") == "1":
            response.delete_cookie(HIDDEN)
        else:
            secure = settings.SESSION_COOKIE_SECURE
            response.set_cookie(HIDDEN, "1", max_age=YEAR, httponly=True, secure=secure, samesite="Lax")
        return response


def certificate_warning(now: dt.datetime) -> str:
    """Return what is wrong with the certificate on the switch's TLS port, or ""."""
    seen = remembered(settings.SWITCH_NAME)
    return seen.warning(now) if seen else ""


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
