"""The buttons of a bulk change's page: apply, undo, preview again, choose columns, throw away."""

from typing import Any

from django import forms
from django.http import Http404
from django.urls import reverse

from core.jobs.choices import UPDATING
from core.jobs.forms import ColumnsForm
from core.jobs.kinds import KINDS, ImportKind
from core.jobs.models import Job
from core.jobs.services import ask_apply, ask_undo, discard, read_again
from core.jobs.templates import save_template
from core.views import FormActionView


class JobActionView(FormActionView):
    """One button of a job's page, with the words of what it does."""

    model = Job
    form_class = forms.Form
    service: Any

    def get_title(self) -> str:
        """Return the question."""
        return f"{self.submit_label}?"

    def perform(self, form: Any) -> Any:
        """Do it."""
        return type(self).service(self.object, actor=self.actor)


class JobApply(JobActionView):
    """Apply what the preview shows."""

    service, submit_label = staticmethod(ask_apply), "Apply"

    def get_lead(self) -> str:
        """Say what happens."""
        count = self.object.changing
        return (
            f"{count:,} line{'' if count == 1 else 's'} of {self.object.source} will be applied: all of them or none."
        )


class JobUndo(JobActionView):
    """Put back what a job changed."""

    service, submit_label = staticmethod(ask_undo), "Undo"

    def get_lead(self) -> str:
        """Say what is lost."""
        counts = self.object.counts
        changed = sum(counts.get(outcome.value, 0) for outcome in UPDATING)
        deleted = f", {counts['deleted']:,} that it deleted are there again" if counts.get("deleted") else ""
        return (
            f"{counts.get('new', 0):,} rows that it added are deleted, {changed:,} that it changed become what they "
            f"were{deleted}. "
            "If any of them has changed since, nothing is undone and you are told which."
        )


class JobAgain(JobActionView):
    """Work out anew what a job does."""

    service, submit_label = staticmethod(read_again), "Preview again"
    lead = "The same lines are compared with what is there now."


class JobDiscard(JobActionView):
    """Throw away a job that has changed nothing."""

    service, submit_label, success_message = staticmethod(discard), "Throw away", "Thrown away; nothing was changed."
    lead = "The file and its preview are deleted. Nothing of it has been applied."

    def get_success_url(self, result: Any) -> str:
        """Return the list."""
        return reverse("jobs:job_list")


class JobColumns(FormActionView):
    """Say which column of the file holds what."""

    model = Job
    title = "Which column holds what?"
    submit_label = "Preview"
    lead = "Where the file's first row names a column, it is chosen already; correct what is wrong."

    def get_form_class(self) -> type[forms.BaseForm]:
        """Return the form, where the job came from a file."""
        if not isinstance(KINDS.get(self.object.kind), ImportKind) or not self.object.header:
            raise Http404("This bulk change has no columns")
        return ColumnsForm

    def get_form_kwargs(self) -> dict[str, Any]:
        """Add the file's head and its first rows."""
        kwargs = super().get_form_kwargs()
        job: Job = self.object
        return kwargs | {"kind": KINDS[job.kind], "header": job.header, "sample": job.sample}

    def get_initial(self) -> dict[str, Any]:
        """Choose what is known."""
        return {name: str(at) for name, at in self.object.columns.items()}

    def perform(self, form: Any) -> Job:
        """Preview with these."""
        job: Job = read_again(self.object, actor=self.actor, columns=form.places())
        if name := form.cleaned_data["template"]:
            save_template(actor=self.actor, job=self.object, name=name, columns=form.places())
        return job
