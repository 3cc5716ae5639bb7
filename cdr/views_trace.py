""" "Trace next call": the button of a DID or an alias, and what became of it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views import View

from accounts.models import Alias
from cdr.models import CDR
from cdr.traces import cancel_trace, last_trace, open_request, request_trace
from core.access import Access
from core.tabs import ViewTab, register_tab
from core.views import TabView
from dids.models import DID


class TraceTab(TabView):
    """The tab "Trace" of an object: ask, wait, read."""

    tab = ViewTab("Trace", weight=950)
    template_name = "cdr/trace_tab.html"
    access_post = Access.WRITE
    kind = ""
    post_name = ""

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add the open request, and the last call that was traced."""
        last = last_trace(self.kind, self.object.pk)
        calls = CDR.objects.filter(**{f"{self.kind}_id": self.object.pk}, traced=True).order_by("-started_at")[:10]
        return super().get_context_data(
            waiting=open_request(self.kind, self.object.pk),
            last=last,
            traced_calls=list(calls),
            post_url=reverse(self.post_name, args=[self.object.pk]),
            **extra,
        )


@register_tab("dids.did", "trace")
class DidTraceTab(TraceTab):
    """Trace the next call to a DID."""

    kind, post_name = "did", "cdr:did_trace"


@register_tab("accounts.alias", "trace")
class AliasTraceTab(TraceTab):
    """Trace the next call to an alias."""

    kind, post_name = "alias", "cdr:alias_trace"


class TraceRequestView(View):
    """Take the wish, or take it back."""

    access = Access.WRITE
    http_method_names = ["post"]
    model: type[DID] | type[Alias]
    kind = ""
    page_name = ""

    def post(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Ask for a trace of the next call, or with ``cancel`` no longer."""
        row = get_object_or_404(self.model, pk=pk)
        if request.POST.get("action") == "cancel":
            if cancel_trace(self.kind, row.pk, actor=request.user):
                messages.success(request, "The next call will not be traced.")
            else:
                messages.warning(request, "Nothing waited any more: a call was traced in the meantime.")
        elif request_trace(self.kind, row.pk, actor=request.user):
            messages.success(request, "The next call will be traced. Make a test call now.")
        else:
            messages.info(request, "The next call is to be traced already.")
        return HttpResponseRedirect(reverse(self.page_name, args=[row.pk]))


class DidTraceView(TraceRequestView):
    """For a DID."""

    model, kind, page_name = DID, "did", "dids:did_trace"


class AliasTraceView(TraceRequestView):
    """For an alias."""

    model, kind, page_name = Alias, "alias", "accounts:alias_trace"
