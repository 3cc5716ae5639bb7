"""Bulk changes with a preview that is the result: plan, show line by line, apply exactly that or show anew."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from core.preview import Outcome, PreviewOutdated, digest_of
from core.views.edit import TabCreateView, add_errors

# Beyond this many lines a person reads the counts; lines that need attention are shown first of all.
SHOWN_ROWS = 200


class PreviewedView(TabCreateView):
    """A form that is previewed before it is applied; give ``plan``, ``apply`` and a template for the rows."""

    template_name = "core/previewed.html"
    rows_template = ""
    submit_label = "Preview"

    def plan(self, form: Any) -> Sequence[Any]:
        """Return what the form would do, a row for each line. Raise ValidationError beside its fields."""
        raise NotImplementedError

    def apply(self, form: Any, previewed: str) -> Any:
        """Do what the preview of digest ``previewed`` showed. Raise PreviewOutdated where it no longer holds."""
        raise NotImplementedError

    def apply_label(self, count: int) -> str:
        """Return the words of the button that does it."""
        return f"Add {count:,}"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Preview, or apply what was previewed."""
        form = self.get_form()
        if not form.is_valid():
            return self.show(form, status=422)
        outdated = False
        try:
            if "apply" in request.POST:
                try:
                    with transaction.atomic():
                        result = self.apply(form, request.POST.get("previewed", ""))
                    return self.done(form, result)
                except PreviewOutdated:
                    outdated = True
            return self.show_plan(form, self.plan(form), outdated=outdated)
        except ValidationError as error:
            add_errors(form, error)
            return self.show(form, status=422)

    def show_plan(self, form: Any, plan: Sequence[Any], *, outdated: bool) -> HttpResponse:
        """Render the form with the plan under it: counts, lines that need attention, and the first of the others."""
        counts = {outcome: sum(row.outcome is outcome for row in plan) for outcome in Outcome}
        applying = counts[Outcome.ADD] + counts[Outcome.WARN]
        shown = _most_telling(plan)
        context = self.get_context_data(
            form=form,
            submit_label="Preview again",
            cancel_url=self.get_cancel_url(),
            form_action=self.request.get_full_path(),
            lead=self.get_lead(),
            rows=shown,
            hidden=len(plan) - len(shown),
            counts={outcome.value: count for outcome, count in counts.items()},
            applying=applying,
            apply_label=self.apply_label(applying),
            previewed=digest_of(plan),
            outdated=outdated,
        )
        return self.render(context, status=409 if outdated else 200)


def _most_telling(plan: Sequence[Any]) -> list[Any]:
    """Return as many rows as are shown: those that need attention first, each kind in the order it was written."""
    order = (Outcome.REFUSE, Outcome.WARN, Outcome.SAME, Outcome.ADD)
    ranked = sorted(range(len(plan)), key=lambda index: (order.index(plan[index].outcome), index))
    return [plan[index] for index in ranked[:SHOWN_ROWS]]
