"""Pages of rate tables and their rates."""

from typing import Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.utils.safestring import SafeString
from django.utils.text import slugify

from billing.exports import exported
from billing.filters import RateFilterSet, RateTableFilterSet, searched_digits
from billing.forms import RateForm, RateTableForm
from billing.models import Rate, RateTable
from billing.pricing import (
    archive_rate_table,
    delete_rate,
    delete_rate_table,
    save_rate,
    save_rate_table,
)
from billing.selectors import longest_code, rate_tables_with_origin
from billing.tables import RateRows, RateTableTable
from core import render
from core.archive import ArchiveView, RestoreMixin, archived_pill, is_archived, is_in_use
from core.counting import related_count
from core.export import FORMATS
from core.keepers import what_keeps_row
from core.tabs import ViewTab, register_tab
from core.views import CreateView, EmptyState, ListView, PageAction, TabCreateView, TabListView, UpdateView
from core.views.detail import ObjectHead
from core.views.guarded import GuardedDeleteView

ADD_TABLE = PageAction("Add rate table", "billing:ratetable_add", icon="plus", primary=True)


class RateTableListView(ListView):
    """All rate tables."""

    model = RateTable
    title = "Rates"
    table_class = RateTableTable
    filterset_class = RateTableFilterSet
    page_actions = (PageAction("Import", "jobs:import_rates", "file-import"), ADD_TABLE)

    def get_queryset(self) -> QuerySet[RateTable]:
        """Return tables with how many rates they have and how many mappings use them."""
        return RateTable.objects.annotate(
            rate_count=related_count(RateTable, "rates"), mapping_count=related_count(RateTable, "mappings")
        )


def table_is_own(table: Any) -> bool:
    """Tell whether a table, as ``RateTableView.object_queryset`` gives it, may be changed."""
    return not table.builtin


def may_be_archived(table: Any) -> bool:
    """Tell whether a table is offered for archiving."""
    return table_is_own(table) and is_in_use(table)


IMPORT = PageAction("Import", "jobs:import_rates", "file-import", query="?table={pk}", shown=table_is_own)
ADD_RATE = PageAction("Add rate", "billing:rate_add", icon="plus", primary=True, fragment=True, shown=table_is_own)


@register_tab(RateTable)
class RateTableView(TabListView, ObjectHead):
    """A rate table's page: its rates."""

    tab = ViewTab("Rates", weight=100)
    model = Rate
    fragment_name = "billing/rate_list.html"
    table_class = RateRows
    filterset_class = RateFilterSet
    page_actions = (IMPORT, ADD_RATE)
    object_actions = (
        PageAction("Edit", "billing:ratetable_edit", icon="pencil", shown=table_is_own),
        PageAction("Delete", "billing:ratetable_delete", icon="trash", danger=True, shown=table_is_own),
        PageAction("Archive", "billing:ratetable_archive", "archive", shown=may_be_archived),
        PageAction("Take back", "billing:ratetable_restore", icon="archive-off", shown=is_archived),
    )
    empty = EmptyState(
        "No rate yet",
        "A number that no code here starts has no rate, and its calls are refused. The empty code prices every number.",
        icon="cash",
        action=ADD_RATE,
    )

    @classmethod
    def object_queryset(cls, model: Any) -> QuerySet[RateTable]:
        """Return tables, each with whether a built-in product's price is in it."""
        return rate_tables_with_origin()

    @classmethod
    def object_pills(cls, instance: Any) -> list[SafeString]:
        """Return the currency, and whether the table is built in."""
        pills = [render.pill(instance.currency)]
        return [*pills, render.pill("Built in", "azure")] if instance.builtin else [*pills, *archived_pill(instance)]

    @classmethod
    def object_subtitle(cls, instance: RateTable) -> str:
        """Return its description."""
        return instance.description

    def get_queryset(self) -> QuerySet[Rate]:
        """Return the rates."""
        return self.object.rates.select_related("table")

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Say which code prices the digits that are searched."""
        asked = searched_digits(self.request.GET.get("q", ""))
        pricing = longest_code(self.object.rates.all(), asked) if asked else None
        return super().get_context_data(asked=asked, pricing=pricing, **extra)

    def export(self, rows: QuerySet[Rate]) -> HttpResponseBase:
        """Write the filtered rates in the format that the import reads."""
        respond = FORMATS[self.request.GET["export"]]
        return respond(exported(rows, self.object.currency), slugify(str(self.object)) or "rates")


class RateTableAdd(CreateView):
    """Add a rate table."""

    model = RateTable
    form_class = RateTableForm

    def perform(self, form: Any) -> RateTable:
        """Create it."""
        return save_rate_table(actor=self.actor, table=form.instance)


class RateTableEdit(UpdateView):
    """Change a rate table."""

    model = RateTable
    form_class = RateTableForm

    def perform(self, form: Any) -> RateTable:
        """Save it."""
        return save_rate_table(actor=self.actor, table=form.instance)


class RateTableArchive(ArchiveView):
    """Hide a rate table that no product uses."""

    model = RateTable
    lead = "It is hidden from lists and choices. Its rates, its history and the calls charged by it stay."

    def archive(self) -> RateTable:
        """Archive it, or take it back."""
        return archive_rate_table(actor=self.actor, table=self.object, archived=self.archived)


class RateTableRestore(RestoreMixin, RateTableArchive):
    """Show an archived rate table again."""

    lead = "It is listed and offered again."


class RateTableDelete(GuardedDeleteView):
    """Delete a rate table that no product uses and no call was charged by."""

    model = RateTable
    queryset = rate_tables_with_origin()
    instead = PageAction("Archive it", "billing:ratetable_archive", "archive", shown=may_be_archived)

    def keepers(self) -> list[str]:
        """Return the products mapped to it."""
        products = set(self.object.mappings.values_list("product__name", flat=True))
        return [*(f"a mapping of product {name}" for name in sorted(products)), *what_keeps_row(self.object)]

    def perform(self, form: Any) -> str:
        """Delete it."""
        delete_rate_table(actor=self.actor, table=self.object)
        return str(self.object)


class RateAdd(TabCreateView):
    """Add a rate to a table."""

    tab_model, parent_field, return_slug = "billing.ratetable", "table", ""
    model = Rate
    form_class = RateForm
    title = "Add rate"

    def perform(self, form: Any) -> Rate:
        """Create it."""
        return save_rate(actor=self.actor, rate=form.instance)

    def get_success_message(self, result: Rate) -> str:
        """Say which."""
        return f"Rate for {result.code or 'any number'} added."


class RateEdit(UpdateView):
    """Change a rate."""

    model = Rate
    queryset = Rate.objects.select_related("table")
    form_class = RateForm

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the tables and the table."""
        table = self.object.table
        return [*RateTableView.object_parents(table), (str(table), table.get_absolute_url())]

    def perform(self, form: Any) -> Rate:
        """Save it."""
        return save_rate(actor=self.actor, rate=form.instance)

    def get_success_message(self, result: Rate) -> str:
        """Say which."""
        return f"Rate for {result.code or 'any number'} saved."


class RateDelete(GuardedDeleteView):
    """Delete a rate."""

    model = Rate
    queryset = Rate.objects.select_related("table")
    lead = "Its numbers are priced by a shorter code from then on, or have no rate."

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the tables and the table."""
        table = self.object.table
        return [*RateTableView.object_parents(table), (str(table), table.get_absolute_url())]

    def perform(self, form: Any) -> str:
        """Delete it."""
        name = self.object.code or "any number"
        delete_rate(actor=self.actor, rate=self.object)
        return name

    def get_success_url(self, result: str) -> str:
        """Return the table."""
        return self.object.get_absolute_url()
