"""The tab “Trace” of a DID or an alias: ask for the SIP messages of the next call, and read them."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase

from cdr.models import CDR
from cdr.traces import cancel_trace, last_trace, open_request, request_trace
from core.access import Access
from core.tabs import ViewTab, register_tab
from core.views import TabView


class TraceTab(TabView):
    """The tab "Trace" of an object: ask, wait, read."""

    tab = ViewTab("Trace", weight=950)
    template_name = "cdr/trace_tab.html"
    access_post = Access.WRITE
    kind = ""

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add the open request, and the last call that was traced."""
        last = last_trace(self.kind, self.object.pk)
        calls = CDR.objects.filter(**{f"{self.kind}_id": self.object.pk}, traced=True).order_by("-started_at")[:10]
        return super().get_context_data(
            waiting=open_request(self.kind, self.object.pk),
            last=last,
            traced_calls=list(calls),
            **extra,
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Ask for a trace of the next call, or with ``cancel`` no longer."""
        if request.POST.get("action") == "cancel":
            if cancel_trace(self.kind, self.object.pk, actor=self.actor):
                messages.success(request, "The next call will not be traced.")
            else:
                messages.warning(request, "Nothing waited any more: a call was traced in the meantime.")
        elif request_trace(self.kind, self.object.pk, actor=self.actor):
            messages.success(request, "The next call will be traced. Make a test call now.")
        else:
            messages.info(request, "The next call is to be traced already.")
        return HttpResponseRedirect(request.path)


@register_tab("dids.did", "trace")
class DidTraceTab(TraceTab):
    """Trace the next call to a DID."""

    kind = "did"


@register_tab("accounts.alias", "trace")
class AliasTraceTab(TraceTab):
    """Trace the next call to an alias."""

    kind = "alias"
