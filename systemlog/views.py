"""System Log: the list with its live tail, and the dead letters."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase

from core import render
from core.access import Access, allows
from core.tabs import ViewTab, register_tab
from core.views import BulkAction, EmptyState, ListView, ObjectView, TabListView
from systemlog.dead_letters import discard, retry
from systemlog.filters import DeadLetterFilterSet, LogFilterSet
from systemlog.models import DeadLetter, LogEntry
from systemlog.tables import DeadLetterTable, LogTable, state_pill
from systemlog.tail import Cursor, new_entries, start_cursor

CURSOR_HEADER = "X-Tail-Cursor"


class LogList(ListView):
    """A list of log entries with a live tail on its newest page."""

    template_name = "syslog/log.html"
    fragment_name = "syslog/log_list.html"
    model = LogEntry
    table_class = LogTable
    filterset_class = LogFilterSet
    keyset = ("at", "id")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the list, or, with ``tail``, only the rows that came since its cursor."""
        if "tail" in request.GET:
            return self.tail(request.GET["tail"])
        self.cursor = start_cursor()  # Before the rows are read: what is committed meanwhile is then not lost.
        return super().get(request, *args, **kwargs)

    def list_context(self, rows: QuerySet[Any], filterset: Any) -> dict[str, Any]:
        """Add the tail's cursor to the newest page; older pages do not grow."""
        context = super().list_context(rows, filterset)
        query = self.request.GET
        if "before" not in query and "after" not in query:
            shown = context["cursor"].rows
            self.cursor.advance((row.pk for row in shown), 0)
            context["tail_cursor"] = self.cursor.encode()
        context["filtered_query"] = self.filter_query()
        return context

    def filter_query(self) -> str:
        """Return the part of the address that chooses rows and columns."""
        query = self.request.GET.copy()
        for name in ("before", "after", "tail", "export"):
            query.pop(name, None)
        return query.urlencode()

    def tail(self, token: str) -> HttpResponseBase:
        """Return the rows a reader lacks, 204 when there are none; the next cursor stands in a header."""
        cursor = Cursor.decode(token)
        if cursor is None:
            return HttpResponseBadRequest("not a cursor")
        query = self.request.GET.copy()
        query.pop("tail")
        self.request.GET = query  # type: ignore[assignment]
        filterset = self.get_filterset()
        if filterset is not None and filterset.invalid():
            return HttpResponseBadRequest("a filter cannot be read")
        rows = new_entries(filterset.qs if filterset is not None else self.get_queryset(), cursor)
        response: HttpResponse = (
            self.render({"table": self.get_table(rows)}, "syslog/log_rows.html") if rows else HttpResponse(status=204)
        )
        response[CURSOR_HEADER] = cursor.encode()
        response["Cache-Control"] = "no-store"
        return response


class LogEntryListView(LogList):
    """Everything that happened."""

    title = "System Log"
    empty = EmptyState(
        "Nothing has happened yet",
        "Calls, registrations and changes appear here as they come. Make a test call and watch its progress.",
        icon="list-details",
    )


class ObjectLogTab(LogList, TabListView):
    """The System Log of one object; ``ref_kind`` is what entries call its kind."""

    tab = ViewTab("System Log", weight=910)
    template_name = "syslog/log_tab.html"
    ref_kind = ""
    empty = EmptyState(
        "Nothing has happened here yet", "Calls and changes that concern it appear here.", "list-details"
    )

    def get_queryset(self) -> QuerySet[LogEntry]:
        """Return the entries that speak of the object."""
        return LogEntry.objects.filter(refs__contains=[{"kind": self.ref_kind, "id": self.object.pk}])


class DeadLetterListView(ListView):
    """Events that failed again and again and wait for a person."""

    title = "Dead letters"
    subtitle = "Events that could not be taken in. None is lost: mend the cause, then retry."
    model = DeadLetter
    table_class = DeadLetterTable
    filterset_class = DeadLetterFilterSet
    bulk_actions = (
        BulkAction("retry", "Retry", confirm="Each is taken in anew; one that fails again stays.", icon="refresh"),
        BulkAction(
            "discard",
            "Discard",
            confirm="They are given up: a call charged to nobody for one is acknowledged. Their text stays.",
            icon="trash",
            danger=True,
        ),
    )
    empty = EmptyState("No dead letter", "Every event of the switch was taken in.", icon="mail-check")

    def bulk_retry(self, rows: QuerySet[DeadLetter], actor: Any) -> str:
        """Take them in again, the oldest first."""
        errors = [retry(pk, actor=actor) for pk in open_letters(rows)]
        failed = sum(1 for error in errors if error)
        return f"{len(errors) - failed} of {len(errors)} open dead letters were taken in; {failed} failed again."

    def bulk_discard(self, rows: QuerySet[DeadLetter], actor: Any) -> str:
        """Give them up."""
        letters = open_letters(rows)
        for pk in letters:
            discard(pk, actor=actor)
        return f"{len(letters)} dead letters were discarded; their text stays readable."


def open_letters(rows: QuerySet[DeadLetter]) -> list[int]:
    """Return the ids of those of these rows that wait for a person, the oldest first."""
    return list(rows.filter(resolution="").order_by("pk").values_list("pk", flat=True))


@register_tab(DeadLetter)
class DeadLetterView(ObjectView):
    """One dead letter: read it, retry it, discard it."""

    tab = ViewTab("Main", weight=100)
    template_name = "syslog/dead_letter.html"
    access_post = Access.WRITE

    @classmethod
    def object_pills(cls, instance: DeadLetter) -> list[Any]:
        """Return its state."""
        return [state_pill(instance)]

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add the facts."""
        letter = self.object
        facts = [
            ("Event", render.mono(letter.event_id)),
            ("Stream entry", render.mono(letter.stream_id)),
            ("Since", render.moment(letter.created_at)),
            ("Failures", letter.failures),
            ("Resolved", render.moment(letter.resolved_at)),
            ("By", letter.resolved_by or render.EMPTY),
        ]
        return super().get_context_data(facts=facts, may_act=allows(self.request.user, Access.WRITE), **extra)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Retry or discard it."""
        if not allows(request.user, Access.WRITE):
            raise PermissionDenied
        action = request.POST.get("action")
        if action == "retry":
            error = retry(self.object.pk, actor=self.actor)
            if error:
                messages.error(request, f"It failed again: {error}")
            else:
                messages.success(request, "The event was taken in.")
        elif action == "discard":
            discard(self.object.pk, actor=self.actor)
            messages.success(request, "The dead letter was discarded; its text stays readable here.")
        else:
            raise Http404("No such action")
        return HttpResponseRedirect(request.path)
