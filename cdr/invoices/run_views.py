"""Pages of runs: the invoices of a month for all accounts, previewed with their totals and issued by one action."""

from typing import Any

from django import forms
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.safestring import SafeString

from billing.currencies import amount_text
from cdr.invoices.choices import RunOutcome, RunState
from cdr.invoices.filters import RunAccountFilterSet, RunFilterSet
from cdr.invoices.forms import RunForm
from cdr.invoices.models import InvoiceRun, RunAccount
from cdr.invoices.runs import discard_run, preview_run, start_run
from cdr.invoices.tables import RunAccountTable, RunTable
from core import render
from core.tabs import ViewTab, register_tab
from core.views import EmptyState, FormActionView, ListView, PageAction, TabListView
from core.views.detail import ObjectHead
from core.views.edit import FormView

ADD = PageAction("Issue a month", "invoices:invoicerun_add", icon="files", primary=True)


class RunListView(ListView):
    """All runs."""

    title = "Invoice runs"
    queryset = InvoiceRun.objects.select_related("created_by")
    table_class, filterset_class = RunTable, RunFilterSet
    page_actions = (ADD,)
    empty = EmptyState(
        "No run yet", "A run issues the invoices of a month for all accounts; its preview comes first.", "files", ADD
    )


class RunAdd(FormView):
    """Preview a month."""

    title = "Issue a month"
    submit_label = "Preview"
    lead = "The preview shows each account and the totals. Nothing is billed before you say so there."
    form_class = RunForm

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the lists above."""
        return [
            ("Invoices", reverse("invoices:invoice_list")),
            ("Invoice runs", reverse("invoices:invoicerun_list")),
        ]

    def perform(self, form: Any) -> InvoiceRun:
        """Preview it."""
        first_day, last_day = form.days()
        return preview_run(actor=self.actor, first_day=first_day, last_day=last_day, send=form.cleaned_data["send"])


def in_preview(run: InvoiceRun) -> bool:
    """Tell whether nothing has been issued yet."""
    return run.state == RunState.PREVIEW


@register_tab(InvoiceRun)
class RunView(TabListView, ObjectHead):
    """One run: its totals, its accounts, and how far it is."""

    tab = ViewTab("Accounts", weight=100)
    template_name = "invoices/run.html"
    model = RunAccount
    table_class, filterset_class = RunAccountTable, RunAccountFilterSet
    object_actions = (
        PageAction("Throw away", "invoices:invoicerun_discard", "trash", danger=True, shown=in_preview),
        PageAction("Issue all", "invoices:invoicerun_issue", "check", primary=True, shown=in_preview),
    )

    @classmethod
    def object_queryset(cls, model: Any) -> QuerySet[InvoiceRun]:
        """Return runs with who asked."""
        return InvoiceRun.objects.select_related("created_by")

    @classmethod
    def object_pills(cls, instance: InvoiceRun) -> list[SafeString]:
        """Return where it stands."""
        return [render.choice_pill(instance, "state")]

    @classmethod
    def object_parents(cls, instance: InvoiceRun) -> list[tuple[str, str]]:
        """Return the lists above."""
        return [
            ("Invoices", reverse("invoices:invoice_list")),
            ("Invoice runs", reverse("invoices:invoicerun_list")),
        ]

    def get_queryset(self) -> QuerySet[RunAccount]:
        """Return its accounts."""
        return RunAccount.objects.filter(run=self.object).select_related("account__client", "invoice")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show it; to the page that asks for its progress only that, or that the page is to be loaded anew."""
        if self.wants_fragment("run-progress"):
            if self.object.state != RunState.ISSUING:
                return HttpResponse(status=204, headers={"HX-Refresh": "true"})
            return self.render({"progress": progress(self.object)}, "invoices/run_progress.html")
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add totals and progress."""
        return super().get_context_data(
            run=self.object, totals=totals(self.object), progress=progress(self.object), **extra
        )


def progress(run: InvoiceRun) -> dict[str, Any]:
    """Return how many of a run's accounts have been through."""
    counts = dict(run.accounts.values_list("outcome").annotate(count=Count("pk")))
    waiting, total = counts.get(RunOutcome.WAITING, 0), sum(counts.values())
    done = total - waiting
    return {
        "done": done, "total": total, "percent": done * 100 // max(total, 1),
        "issued": counts.get(RunOutcome.ISSUED, 0), "refused": counts.get(RunOutcome.REFUSED, 0), "waiting": waiting,
    }  # fmt: skip


def totals(run: InvoiceRun) -> list[dict[str, Any]]:
    """Return what a run comes to, by currency, without what was refused."""
    sums = (
        run.accounts.exclude(outcome=RunOutcome.REFUSED)
        .order_by("currency")
        .values("currency")
        .annotate(count=Count("pk"), net=Sum("net"), tax=Sum("tax"), gross=Sum("gross"))
    )
    return [
        {**row, **{name: amount_text(row[name], row["currency"]) for name in ("net", "tax", "gross")}} for row in sums
    ]


class RunActionView(FormActionView):
    """Something done to a run after a question."""

    model = InvoiceRun
    form_class: Any = forms.Form


class RunIssue(RunActionView):
    """Issue what the preview shows."""

    title = "Issue these invoices?"
    submit_label = "Issue"

    def get_lead(self) -> str:
        """Say how many, what they come to, and what becomes of them."""
        parts = [f"{row['count']} in {row['currency']}, {row['gross']} together" for row in totals(self.object)]
        mail = " Each is sent to its client." if self.object.send else ""
        return (
            f"{self.object.period}: {'; '.join(parts)}. Each gets its number and never changes again.{mail} "
            "An account whose charges have changed since the preview is passed over."
        )

    def perform(self, form: Any) -> InvoiceRun:
        """Hand it to a worker."""
        return start_run(run=self.object)

    def get_success_message(self, result: InvoiceRun) -> str:
        """Say that it has begun, not that it is done."""
        return "A worker issues them now; this goes on if you leave the page."


class RunDiscard(RunActionView):
    """Throw a preview away."""

    title = "Throw this preview away?"
    lead = "Nothing has been billed by it."
    submit_label = "Throw away"

    def perform(self, form: Any) -> None:
        """Delete it."""
        discard_run(run=self.object)

    def get_success_url(self, result: None) -> str:
        """Return the runs."""
        return reverse("invoices:invoicerun_list")

    def get_success_message(self, result: None) -> str:
        """Say so."""
        return "Preview thrown away."
