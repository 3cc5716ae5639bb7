"""The CDR list, a call's page, its trace as files."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html
from django.views import View

from cdr import audio, selectors
from cdr.causes import q850_name, sip_phrase
from cdr.explanation import explain, joined
from cdr.filters import CdrFilterSet
from cdr.fixes import fixes_for
from cdr.ladder import ladder_of
from cdr.models import CDR
from cdr.tables import CdrTable, outcome_pill
from cdr.trace_files import trace_pcap, trace_text
from core import render
from core.access import Access, allows
from core.sentences import set_for_reading
from core.tabs import ViewTab, bounded_count, register_tab
from core.views import EmptyState, ListView, ObjectView, TabListView
from systemlog.references import page_of


class CdrListView(ListView):
    """Every call, answered or not, refused ones too."""

    title = "CDR"
    model = CDR
    table_class = CdrTable
    filterset_class = CdrFilterSet
    keyset = ("started_at", "attempt_id")
    empty = EmptyState(
        "No call yet",
        "Every inbound call appears here, refused ones too. Send a test call from your provider to one of the DIDs.",
        icon="phone-incoming",
    )


@register_tab(CDR)
class CdrView(ObjectView):
    """One call: what happened, why, and everything that is known of it."""

    tab = ViewTab("Call", weight=100)
    template_name = "cdr/call.html"

    @classmethod
    def object_title(cls, instance: CDR) -> str:
        """Return who called whom."""
        return set_for_reading(f"{instance.caller_number or 'Anonymous'} → {instance.called_number or 'no number'}")

    @classmethod
    def object_pills(cls, instance: CDR) -> list[Any]:
        """Return outcome and reason."""
        return [outcome_pill(instance)]

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Gather all that belongs to the call."""
        record: CDR = self.object
        attempt = selectors.attempt_of(record)
        messages = selectors.sip_messages(record) if record.traced else []
        return super().get_context_data(
            explanation=explain(record, selectors.evidence_for(record, attempt)),
            fixes=fixes_for(record, may_write=allows(self.request.user, Access.WRITE)),
            attempt=attempt,
            decision=selectors.decision_of(attempt),
            simulator_url=f"{reverse('routing:simulator')}?attempt={record.attempt_id}" if attempt else "",
            parties=party_rows(record),
            times=time_rows(record),
            outcome=outcome_rows(record),
            technical=technical_rows(record),
            timeline=selectors.timeline(record),
            legs=selectors.charged_legs(record),
            ladder=ladder_of(messages, record.started_at, address_names(record)) if messages else None,
            **extra,
        )


def party_rows(record: CDR) -> list[tuple[str, Any]]:
    """Return who took part, by the names of then, linked to the pages of now."""

    def link(kind: str) -> Any:
        label, pk = getattr(record, f"{kind}_label"), getattr(record, f"{kind}_id")
        return render_link(page_of(kind, pk), set_for_reading(label)) if label else render.EMPTY

    return [
        ("Caller", number(record.caller_number)),
        ("Called number", number(record.called_number)),
        ("Carrier", link("carrier")),
        ("Carrier's address", link("carrier_account")),
        ("DID", link("did")),
        ("Client", link("client")),
        ("Account", link("account")),
        ("Alias", link("alias")),
    ]


def number(value: str) -> Any:
    """Return a number set for reading; what is copied is the bare one."""
    if not value:
        return render.EMPTY
    drawn = format_html('<span class="mono phone-number">{}</span>', set_for_reading(value))
    return format_html('<span class="mono-wrap">{}{}</span>', drawn, render.copy_button(value))


def render_link(url: str, label: str) -> Any:
    """Return a link, or the words alone where there is no page."""
    return format_html('<a href="{}">{}</a>', url, label) if url else label


def time_rows(record: CDR) -> list[tuple[str, Any]]:
    """Return the times of a call and what lies between them."""
    return [
        ("Set-up", render.moment(record.started_at, precision="milliseconds")),
        ("Rang", render.moment(record.rang_at, precision="milliseconds")),
        ("Answered", render.moment(record.answered_at, precision="milliseconds")),
        ("Ended", render.moment(record.ended_at, precision="milliseconds")),
        ("Post-dial delay", seconds(record.setup_seconds)),
        ("Rang for", seconds(record.ring_seconds)),
        ("Duration", render.duration(record.duration)),
    ]


def outcome_rows(record: CDR) -> list[tuple[str, Any]]:
    """Return the internal reason, SIP code and Q.850 cause as three things, and who ended the call."""
    who = {"caller": "Caller", "callee": "Phone", "switch": "Switch"}.get(record.hung_up_by, record.hung_up_by)
    return [
        ("Internal reason", render.mono(record.reason, copy=False)),
        ("SIP code to the carrier", named(record.sip_code, sip_phrase(record.sip_code))),
        ("Q.850 cause", named(record.q850_cause, q850_name(record.q850_cause))),
        ("Ended by", who or render.EMPTY),
        ("Audio", audio_row(record)),
        ("SIP code of the phone", render.mono(record.phone_code, copy=False)),
        ("Reason of the phone", record.phone_reason or render.EMPTY),
    ]


def audio_row(record: CDR) -> Any:
    """Return which way the audio took, and below it what each side sent."""
    path, packets = audio.path_words(record), audio.fault_words(record) or audio.packets_words(record)
    if path and packets:
        return format_html('{}<div class="text-secondary">{}</div>', path, packets)
    return path or render.EMPTY


def named(code: int | None, name: str) -> Any:
    """Return a code with what its standard calls it."""
    drawn = render.mono(code, copy=False)
    return format_html('{} <span class="text-secondary">{}</span>', drawn, name) if code and name else drawn


def technical_rows(record: CDR) -> list[tuple[str, Any]]:
    """Return what was received, as it was."""
    origin = joined((record.source, record.source_port)) if record.source and record.source_port else record.source
    return [
        ("Source", render.mono(origin)),
        ("Transport", (record.transport or "").upper() or render.EMPTY),
        ("From", render.mono(record.caller)),
        ("Request-URI", render.mono(record.called)),
        ("Call-ID", render.mono(record.call_id)),
        ("Carrier's user agent", record.caller_user_agent or render.EMPTY),
        ("Phone's user agent", record.phone_user_agent or render.EMPTY),
        ("Phone's contact", render.mono(record.contact)),
        ("Switch", record.switch or render.EMPTY),
        ("Attempt", render.mono(record.attempt_id)),
    ]


def seconds(value: float | None) -> Any:
    """Return a short time in seconds with its unit."""
    return render.EMPTY if value is None else f"{value:.2f} s"


def address_names(record: CDR) -> dict[str, str]:
    """Return what the addresses of a call's messages are called."""
    return {record.source: record.carrier_label or "Caller"} if record.source else {}


class TraceFileView(View):
    """A traced call's messages as text or pcap."""

    access = Access.READ

    def get(self, request: HttpRequest, pk: Any, form: str) -> HttpResponseBase:
        """Send the file."""
        record = get_object_or_404(CDR, pk=pk)
        messages = selectors.sip_messages(record)
        if not messages:
            raise Http404("This call was not traced.")
        if form == "pcap":
            response = HttpResponse(trace_pcap(messages), content_type="application/vnd.tcpdump.pcap")
        else:
            response = HttpResponse(trace_text(messages), content_type="text/plain; charset=utf-8")
        suffix = "pcap" if form == "pcap" else "txt"
        response["Content-Disposition"] = f'attachment; filename="call-{record.attempt_id}.{suffix}"'
        return response


class CallsTab(TabListView):
    """The calls of one object; ``party`` is the column that names it."""

    model = CDR
    table_class = CdrTable
    filterset_class = CdrFilterSet
    keyset = ("started_at", "attempt_id")
    party = ""
    empty = EmptyState("No call yet", "Calls appear here as they come, refused ones too.", icon="phone-incoming")

    def get_queryset(self) -> Any:
        """Return the object's calls."""
        return CDR.objects.filter(**{f"{self.party}_id": self.object.pk})


def calls_badge(party: str) -> Any:
    """Return the tab's count: calls of the object, up to a bound."""
    return lambda instance: bounded_count(CDR.objects.filter(**{f"{party}_id": instance.pk}))
