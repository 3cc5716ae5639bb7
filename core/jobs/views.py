"""Pages of bulk changes: the list, upload, and a change's page with its progress, preview and result."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core import render
from core.access import Access
from core.jobs.choices import LineOutcome
from core.jobs.filters import JobFilterSet, LineFilterSet
from core.jobs.forms import upload_form
from core.jobs.kinds import KINDS, ImportKind, JobKind
from core.jobs.models import Job, Line
from core.jobs.running import progress_of
from core.jobs.services import start_import, too_large
from core.jobs.tables import JobTable, LineTable
from core.jobs.upload import upload_too_large
from core.tabs import ViewTab, register_tab
from core.views import EmptyState, ListView, PageAction, TabListView
from core.views.detail import ObjectHead
from core.views.edit import FormView

# Lines of an export whose names are looked up together.
TOLD_AT_ONCE = 2_000


class JobListView(ListView):
    """All bulk changes."""

    queryset = Job.objects.select_related("created_by").defer("header", "sample", "options")
    table_class, filterset_class = JobTable, JobFilterSet
    title = "Bulk changes"
    page_actions = (
        PageAction("Import DIDs", "jobs:import_dids", icon="file-import", primary=True),
        PageAction("Import rates", "jobs:import_rates", icon="file-import"),
        PageAction("Column templates", "jobs:columntemplate_list", "columns", Access.READ),
    )
    empty = EmptyState(
        "No bulk change yet",
        "Import a CSV or XLSX file, or choose many rows of a list: each line is shown before anything changes.",
        icon="file-import",
        action=page_actions[0],
    )


class UploadView(FormView):
    """Choose a file and what holds for all of it."""

    kind_name = ""
    submit_label = "Upload and preview"

    @property
    def kind(self) -> ImportKind:
        """Return the kind of import, or answer 404."""
        kind = KINDS.get(self.kind_name)
        if not isinstance(kind, ImportKind):
            raise Http404("No such import")
        return kind

    def get_title(self) -> str:
        """Return what is imported."""
        return self.kind.label

    def get_lead(self) -> str:
        """Say which columns are known, and that nothing changes yet."""
        names = ", ".join(column.label for column in self.kind.columns)
        return f"The file's first row names its columns: {names}. Others are passed over. {self.kind.hint} " + (
            "You see what each row does before anything changes."
        )

    def get_form_class(self) -> type[forms.BaseForm]:
        """Return the kind's form."""
        return upload_form(self.kind)

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the list of bulk changes."""
        return [("Bulk changes", reverse("jobs:job_list"))]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Say beside its field when the file was too large to be taken in at all."""
        if upload_too_large(request):
            form: Any = self.get_form()
            form.is_valid()
            form.errors.pop("file", None)
            form.add_error("file", too_large())
            return self.show(form, status=422)
        return super().post(request, *args, **kwargs)

    def perform(self, form: Any) -> Job:
        """Take the file in."""
        values = dict(form.cleaned_data)
        file, template = values.pop("file"), values.pop("template", None)
        return start_import(
            actor=self.actor, kind=self.kind.name, file_name=file.name, content=file.read(),
            options=self.kind.options_of(values) | ({"template": template.pk} if template else {}),
        )  # fmt: skip


class ToldLineTable(LineTable):
    """Lines of one kind, told by it."""

    class Meta(LineTable.Meta):
        pass

    def __init__(self, *args: Any, kind: JobKind | None, **kwargs: Any) -> None:
        self.kind = kind
        self._told: dict[int, list[tuple[str, str, str]]] = {}
        super().__init__(*args, **kwargs)
        if kind:
            self.columns["key"].column.verbose_name = kind.key_label

    def told(self, record: Line) -> list[tuple[str, str, str]]:
        """Return what a line changes, asking for its whole page at the first line of it."""
        if record.line not in self._told and self.kind:
            shown = [row.record for row in self.paginated_rows] if getattr(self, "page", None) else None
            self._told = self.kind.tell(shown if shown and record in shown else self._next(record))
        return self._told.get(record.line, [])

    def _next(self, record: Line) -> list[Line]:
        """Return the lines that an export comes to next, in the order of the export."""
        if record.outcome in (LineOutcome.REFUSED, LineOutcome.UNCHANGED):
            return [record]
        following: QuerySet[Line] = Line.objects.filter(job=record.job_id, line__gte=record.line).exclude(
            outcome__in=[LineOutcome.REFUSED, LineOutcome.UNCHANGED]
        )
        return list(following.order_by("line")[:TOLD_AT_ONCE])


@register_tab(Job)
class JobView(TabListView, ObjectHead):
    """One bulk change: where it stands, what its lines do, and the next step."""

    tab = ViewTab("Lines", weight=100)
    template_name = "jobs/job.html"
    model = Line
    table_class, filterset_class = ToldLineTable, LineFilterSet
    empty = EmptyState("No lines", "There is nothing to show.", icon="list")
    object_actions = (
        PageAction("Undo", "jobs:job_undo", "arrow-back-up", danger=True, shown=lambda job: job.state == "applied"),
        PageAction(
            "Choose columns", "jobs:job_columns", "columns",
            shown=lambda job: bool(job.header) and job.state in ("preview", "stopped", "columns"),
        ),
        PageAction(
            "Preview again", "jobs:job_again", "refresh",
            shown=lambda job: job.state in ("preview", "stopped", "undone"),
        ),
        PageAction(
            "Throw away", "jobs:job_discard", "trash", danger=True,
            shown=lambda job: job.state in ("preview", "stopped", "failed", "columns"),
        ),
    )  # fmt: skip

    @classmethod
    def object_queryset(cls, model: Any) -> QuerySet[Job]:
        """Return jobs with the people who acted."""
        return Job.objects.select_related("created_by", "applied_by", "undone_by")

    @classmethod
    def object_title(cls, instance: Job) -> str:
        """Return what it is."""
        return instance.label

    @classmethod
    def object_subtitle(cls, instance: Job) -> str:
        """Return the file."""
        return instance.source

    @classmethod
    def object_pills(cls, instance: Job) -> list[SafeString]:
        """Return its state."""
        return [render.choice_pill(instance, "state")]

    @cached_property
    def kind(self) -> JobKind | None:
        """Return its kind."""
        return KINDS.get(self.object.kind)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show it; to the page that asks for its progress only that, or that the page is to be loaded anew."""
        if self.wants_fragment("job-progress"):
            if not self.object.working:
                return HttpResponse(status=204, headers={"HX-Refresh": "true"})
            context = {"job": self.object, "progress": progress_of(self.object.pk)}
            return self.render(context, "jobs/progress.html")
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Line]:
        """Return the job's lines."""
        return Line.objects.filter(job=self.object)

    def get_table(self, rows: Any, *, export: bool = False) -> Any:
        """Let the kind tell what its lines do."""
        self.table_class = _table_of(self.kind)
        return super().get_table(rows, export=export)

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add facts, counts and progress."""
        job: Job = self.object
        counts = [
            {"outcome": outcome, "count": job.counts.get(outcome.value, 0)}
            for outcome in (self.kind.outcomes if self.kind else LineOutcome)
            if job.counts
        ]
        return super().get_context_data(
            job=job, facts=self.facts(), counts=counts, kind=self.kind, progress=progress_of(job.pk), **extra
        )

    def facts(self) -> list[tuple[str, Any]]:
        """Return who did what when, and what was chosen for all lines."""
        job: Job = self.object
        facts: list[tuple[str, Any]] = list(self.kind.facts(job.options)) if self.kind else []
        if job.format:
            facts.append(("Format", job.format))
        if isinstance(self.kind, ImportKind) and job.columns:
            named = [
                f"{column.label} ← {job.header[job.columns[column.name]]}"
                for column in self.kind.columns
                if job.columns.get(column.name, len(job.header)) < len(job.header)
            ]
            facts.append(("Columns", ", ".join(named)))
            taken = set(job.columns.values())
            if passed := [word for at, word in enumerate(job.header) if at not in taken and word]:
                facts.append(("Passed over", ", ".join(passed)))
        for words, who, at in (
            ("Uploaded" if isinstance(self.kind, ImportKind) else "Chosen", job.created_by, job.created_at),
            ("Applied", job.applied_by, job.applied_at),
            ("Undone", job.undone_by, job.undone_at),
        ):
            if at:
                facts.append((words, format_html("{} by {}", render.moment(at), who)))
        return facts


def _table_of(kind: JobKind | None) -> Any:
    def make(*args: Any, **kwargs: Any) -> ToldLineTable:
        return ToldLineTable(*args, kind=kind, **kwargs)

    return make
