"""The call simulator, and which decider and switch have which configuration."""

import uuid
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from core.access import Access
from core.forms import PortalFormHelper
from core.views import EmptyState
from core.views.base import PageView
from routing import selectors
from routing.decision import Decision
from routing.forms import SimulationForm
from routing.models import Attempt
from routing.reasons import reason, sip_answer
from routing.simulation import holdings, replay, simulate


class SimulatorView(PageView):
    """Judge a call without making one; ``?attempt=`` judges a past one again. Nothing is written."""

    access = Access.READ
    title = "Call simulator"
    subtitle = "What the switch would be told about a call that comes now"
    template_name = "routing/simulator.html"
    empty = EmptyState(
        "Judge a call without making it",
        "Type the provider's address and the number as it sends it, to see each check in order and what to do.",
        icon="route",
    )

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer the question that the address asks."""
        asked = request.GET.get("attempt", "")
        if asked and "number" not in request.GET:
            return self._replay(self._attempt(asked))
        form = self._form(request.GET if "number" in request.GET else None)
        decision = simulate(form.call) if form.is_bound and form.is_valid() else None
        return self._show(form, decision)

    def _replay(self, attempt: Attempt) -> HttpResponseBase:
        """Show a past call judged again; the form holds it, to be changed and tried."""
        again = replay(attempt)
        form = self._form(None, {"source": attempt.call.get("source"), "number": attempt.call.get("ruri")})
        return self._show(form, again.now, replay=again)

    def _show(self, form: SimulationForm, decision: Decision | None, **extra: Any) -> HttpResponseBase:
        context: dict[str, Any] = {"form": form, "decision": decision, "empty": self.empty, **extra}
        if decision:
            context["reason"] = reason(decision.reason)
            context["told"] = sip_answer(decision.reason, settings.SIP_NOT_REGISTERED_CODE)
            context["holdings"] = holdings(decision)
            context["plus_number"] = f"+{decision.number}"
        return self.render(self.get_context_data(**context), status=422 if form.errors else 200)

    @staticmethod
    def _form(data: Any, initial: dict[str, Any] | None = None) -> SimulationForm:
        form = SimulationForm(data, initial=initial)
        form.helper = PortalFormHelper(form)  # type: ignore[attr-defined]
        return form

    @staticmethod
    def _attempt(asked: str) -> Attempt:
        try:
            attempt = Attempt.objects.filter(attempt_id=uuid.UUID(asked)).first()
        except ValueError:
            attempt = None
        if attempt is None:
            raise Http404("No such call.")
        return attempt


class VersionsView(PageView):
    """Which decider and switch have which configuration in force, and what changed in it."""

    access = Access.READ
    title = "Versions in force"
    subtitle = "When a change made here counts for the next call"
    template_name = "routing/versions.html"

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the way back to the settings."""
        return [("Settings", reverse("core:settings"))]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the page."""
        return self.render(
            self.get_context_data(
                followers=selectors.followers(),
                versions=selectors.recent_versions(),
                newest=selectors.newest_version(),
            )
        )
