"""Lists of bulk changes, and of one's lines."""

from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core import render
from core import tables as t
from core.jobs.choices import LineOutcome
from core.jobs.kinds import KINDS
from core.jobs.models import ColumnTemplate, Job, Line
from core.row_actions import ActionsColumn, ActionTable, RowAction


class CountColumn(t.NumberColumn):
    """How many lines have one outcome."""

    def __init__(self, outcome: LineOutcome) -> None:
        self.outcome = outcome
        super().__init__(str(outcome.label), accessor="counts", orderable=False)

    def render(self, value: dict[str, int]) -> Any:
        """Draw the count."""
        return super().render(value.get(self.outcome, 0))

    def value(self, **kwargs: Any) -> Any:
        """Return the count."""
        return kwargs["value"].get(self.outcome, 0)


class JobTable(t.PortalTable):
    """Bulk changes, newest first."""

    label = t.LinkColumn("Bulk change", accessor="label", orderable=False)
    source = t.PlainColumn("Of what", orderable=False)
    state = t.PillColumn()
    new, changed = CountColumn(LineOutcome.NEW), CountColumn(LineOutcome.CHANGED)
    refused = CountColumn(LineOutcome.REFUSED)
    created_at = t.WhenColumn("Started")
    created_by = t.PlainColumn("By")

    class Meta(t.PortalTable.Meta):
        model = Job
        fields = ("label", "source", "state", "new", "changed", "refused", "created_at", "created_by")
        order_by = "-created_at"

    fixed_columns = ("label",)


class LineTable(t.PortalTable):
    """What each line does."""

    line = t.NumberColumn("Line")
    key = t.MonoColumn("Row", copy=False)
    outcome = t.PillColumn()
    what = t.PlainColumn("What it does", empty_values=(), orderable=False, accessor="pk")

    class Meta(t.PortalTable.Meta):
        model = Line
        fields = ("line", "key", "outcome", "what")
        order_by = "line"

    fixed_columns = ("line", "key", "outcome", "what")

    def told(self, record: Line) -> list[tuple[str, str, str]]:
        """Return what a line changes; asked for all lines of a page at once, or of a portion of an export."""
        raise NotImplementedError

    def render_what(self, record: Line) -> SafeString:
        """Draw reason or warning, and each change as old → new."""
        changes = format_html_join(
            ", ",
            '<span class="text-secondary">{}</span> {}{}',
            (
                (label, format_html("{} → ", old or "none") if record.before is not None else "", new or "none")
                for label, old, new in self.told(record)
            ),
        )
        words = format_html('<span class="text-secondary">{}</span>', record.message) if record.message else ""
        if not words and not changes:
            return render.EMPTY
        # One element: on a phone a cell's parts are set beside its label.
        return format_html("<span>{}{}{}</span>", words, " " if words and changes else "", changes)

    def value_what(self, record: Line) -> str:
        """Return the same as text."""
        changes = [
            f"{label}: {old or 'none'} → {new or 'none'}" if record.before is not None else f"{label}: {new}"
            for label, old, new in self.told(record)
        ]
        return " ".join([*([record.message] if record.message else []), "; ".join(changes)]).strip()


class TemplateTable(ActionTable):
    """Column mappings that were kept."""

    name = t.PlainColumn()
    what = t.PlainColumn("For", accessor="kind", orderable=False)
    words = t.PlainColumn("Columns", orderable=False)
    created_by = t.PlainColumn("Saved by")
    saved_at = t.WhenColumn("Saved")
    actions = ActionsColumn(RowAction("Delete", "jobs:columntemplate_delete", "trash", danger=True))

    class Meta(t.PortalTable.Meta):
        model = ColumnTemplate
        fields = ("name", "what", "words", "created_by", "saved_at", "actions")
        order_by = "name"

    fixed_columns = ("name", "actions")

    def render_what(self, value: str) -> str:
        """Return the kind of import in words."""
        return KINDS[value].label if value in KINDS else value
