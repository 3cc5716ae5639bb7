"""The tab "Readiness" on a DID's page."""

from typing import Any

from core.tabs import ViewTab, register_tab
from core.views.detail import TabView
from routing.readiness import readiness


@register_tab("dids.did", "readiness")
class DidReadinessTab(TabView):
    """Would a call ring now? The guide's checklist, judged as the switch would be told."""

    tab = ViewTab("Readiness", weight=150)
    template_name = "routing/readiness.html"

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add the trials."""
        return super().get_context_data(readiness=readiness(self.object), **extra)
