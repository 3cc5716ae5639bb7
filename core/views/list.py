"""The list page: a queryset, a filter set and a table."""

import json
from typing import Any
from urllib.parse import unquote

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.text import capfirst, slugify

from core.access import Access, allows
from core.export import FORMATS
from core.filters import LeftOut, PortalFilterSet, filters_of
from core.forms import PortalFormHelper
from core.jobs.rows import MAX_ROWS
from core.jobs.services import start_choice
from core.pagination import COUNT_BOUND, DEFAULT_PAGE_SIZE, PAGE_SIZES, BoundedPaginator, bounded_total, keyset_page
from core.tables import PortalTable
from core.views.actions import BulkAction, EmptyState, shown_actions
from core.views.base import PageView

# A bulk action of so many rows runs in one request; with more, one that has a kind of job becomes a job.
BULK_BOUND = 10_000


def remembered_columns(request: HttpRequest) -> dict[str, list[str]]:
    """Return the columns chosen per list, from a cookie that the page's script writes; nothing if it is unreadable.

    A cookie, because it is the reader's own taste: no query, no row, and nothing that a GET would have to write.
    """
    try:
        found = json.loads(unquote(request.COOKIES.get("columns", "{}")))
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {page: names.split(",") for page, names in found.items() if isinstance(names, str)}


class ListView(PageView):
    """Show, search, filter, order, export and act on rows.

    Everything the reader chose stands in the address (``q``, filters, ``sort``, ``columns``, ``per_page``, ``page``),
    so an address is a saved view. ``keyset`` names the fields of an endless, time-ordered list; such a list has
    "newer" and "older" in place of page numbers and no other order.
    """

    access: Access | str = Access.READ
    access_post: Access | str = Access.WRITE
    template_name = "core/list.html"
    fragment_name = "components/list.html"
    model: type[Model] | None = None
    queryset: QuerySet[Any] | None = None
    table_class: type[PortalTable]
    filterset_class: type[PortalFilterSet] | None = None
    keyset: tuple[str, ...] = ()
    # What tells rows apart that are equal in the chosen order; rows of sums have no primary key.
    unique_order: tuple[str, ...] = ("pk",)
    bulk_actions: tuple[BulkAction, ...] = ()
    empty: EmptyState = EmptyState("Nothing here yet")

    def get_queryset(self) -> QuerySet[Any]:
        """Return all rows that this list could show."""
        if self.queryset is not None:
            return self.queryset.all()
        if self.model is None:
            raise TypeError(f"{type(self).__name__} needs model, queryset or get_queryset()")
        return self.model._default_manager.all()

    def get_title(self) -> str:
        """Return the title, by default the model's plural."""
        return self.title or capfirst(str(self.row_model._meta.verbose_name_plural))

    @property
    def row_model(self) -> type[Model]:
        """Return the model of the rows."""
        if self.model is not None:
            return self.model
        return self.queryset.model if self.queryset is not None else self.get_queryset().model

    def get_filterset(self) -> PortalFilterSet | None:
        """Return the filter set, bound to the address."""
        if self.filterset_class is None:
            return None
        return self.filterset_class(filters_of(self.request.GET), queryset=self.get_queryset(), request=self.request)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the page, its body alone for htmx, or the export."""
        filterset = self.get_filterset()
        rows = filterset.qs if filterset is not None else self.get_queryset()
        invalid = filterset.invalid() if filterset is not None else {}
        if invalid:
            # A filter that cannot be read must not silently show everything.
            rows = rows.none()
        if request.GET.get("export") in FORMATS:
            return self.export(rows)
        context = self.get_context_data(**self.list_context(rows, filterset), filterset=filterset, invalid=invalid)
        if self.wants_fragment("list"):
            return self.render(context, self.fragment_name)
        return self.render(context)

    def get_table(self, rows: Any, *, export: bool = False) -> PortalTable:
        """Return the table over rows, with the columns and the order that the address chose."""
        chosen = self.chosen_columns()
        sort = self.chosen_order()
        table = self.table_class(
            rows,
            columns=chosen,
            order_by=None if self.keyset or not sort else sort,
            orderable=False if self.keyset else None,
            order_by_field="sort",
            with_select=bool(self.shown_bulk_actions()) and not export,
            **self.table_options(),
        )
        data = table.data.data
        if not self.keyset and isinstance(data, QuerySet):
            # Rows that are equal in the chosen order would otherwise change places between two pages.
            order = data.query.order_by or data.model._meta.ordering
            table.data.data = data.order_by(*order, *self.unique_order)
        return table

    def table_options(self) -> dict[str, Any]:
        """Return what else the table is told as it is made."""
        return {}

    def chosen_order(self) -> list[str]:
        """Return the columns that the address orders by; none for the table's own order."""
        return [name for value in self.request.GET.getlist("sort") for name in value.split(",") if name]

    def chosen_columns(self) -> list[str]:
        """Return the columns that the address names, or those this browser chose for this list before."""
        named = [name for value in self.request.GET.getlist("columns") for name in value.split(",") if name]
        return named or remembered_columns(self.request).get(self.page_name(), [])

    def page_name(self) -> str:
        """Return the name under which a browser remembers this list's columns: one for all objects' same tab."""
        match = self.request.resolver_match
        return match.view_name if match else ""

    def page_size(self) -> int:
        """Return the rows per page that the address asks for, out of PAGE_SIZES."""
        asked = self.request.GET.get("per_page", "")
        return int(asked) if asked.isdigit() and int(asked) in PAGE_SIZES else DEFAULT_PAGE_SIZE

    def list_context(self, rows: QuerySet[Any], filterset: PortalFilterSet | None) -> dict[str, Any]:
        """Return table, page and chips for the template."""
        size = self.page_size()
        context: dict[str, Any] = {"sizes": PAGE_SIZES, "size": size, "count_bound": COUNT_BOUND}
        chips = filterset.chips(self.request) if filterset is not None else []
        if self.keyset:
            get = self.request.GET.get
            before, after = get("before", ""), get("after", "")
            cursor = keyset_page(rows, self.keyset, before=before, after=after, size=size, searched=bool(chips))
            table = self.get_table(cursor.rows)
            context["cursor"] = cursor
            context["is_empty"] = not cursor.rows and cursor.searched_to is None
        else:
            table = self.get_table(rows)
            paginator = BoundedPaginator(table.rows, size)
            table.paginator = paginator
            table.page = paginator.get_page(self.request.GET.get("page"))
            context["page"] = table.page
            context["pages"] = paginator.get_elided_page_range(table.page.number, on_each_side=1, on_ends=1)
            context["is_empty"] = paginator.count == 0
        nothing_set = context["is_empty"] and not chips
        return {
            **context,
            "table": table,
            "left_out": self.left_out(filterset) if nothing_set else None,
            "chips": chips,
            "filtered": bool(chips),
            "page_name": self.page_name(),
            "empty": self.empty,
            "empty_action": self.empty_action(),
            "bulk_actions": self.shown_bulk_actions(),
            "kept": [(k, v) for k, values in self.request.GET.lists() for v in values],
        }

    def left_out(self, filterset: PortalFilterSet | None) -> LeftOut | None:
        """Return what an empty list leaves out, if there is any: then it is not a list of nothing yet."""
        hidden = filterset.left_out if filterset is not None else None
        return hidden if hidden and self.get_queryset().exists() else None

    def empty_action(self) -> Any:
        """Return the button of the empty state, if this user may press it."""
        shown = shown_actions((self.empty.action,), self.request.user) if self.empty.action else []
        return shown[0] if shown else None

    # -- export ------------------------------------------------------------------------------------------------

    def export(self, rows: QuerySet[Any]) -> HttpResponseBase:
        """Stream all filtered rows, in the chosen columns and order."""
        if self.keyset:
            rows = rows.order_by(*[f"-{name}" for name in self.keyset])
        respond = FORMATS[self.request.GET["export"]]
        return respond(self.get_table(rows, export=True).export_rows(), slugify(self.get_title()) or "export")

    # -- bulk actions ------------------------------------------------------------------------------------------

    def shown_bulk_actions(self) -> list[BulkAction]:
        """Return the bulk actions this user may take."""
        return [action for action in self.bulk_actions if allows(self.request.user, action.permission)]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Take a bulk action: first ask, with the count and the first names; then do it."""
        action = next((a for a in self.bulk_actions if a.name == request.POST.get("action")), None)
        if action is None:
            raise Http404("No such bulk action")
        if not allows(request.user, action.permission):
            raise PermissionDenied
        rows = self.chosen_rows()
        in_background = bool(action.job and (action.form_class or bounded_total(rows) > BULK_BOUND))
        total = rows.order_by()[: MAX_ROWS + 1].count() if in_background else bounded_total(rows)
        here = request.get_full_path()
        if not total:
            messages.warning(request, "Choose at least one row first.")
            return HttpResponseRedirect(here)
        if in_background:
            return self.start_job(action, rows, total)
        if total > BULK_BOUND:
            messages.error(request, f"More than {BULK_BOUND:,} rows are chosen; narrow the filter.")
            return HttpResponseRedirect(here)
        if request.POST.get("confirmed") != "yes":
            return self.confirm(action, rows, total)
        try:
            with transaction.atomic():
                done = getattr(self, f"bulk_{action.name}")(rows, request.user)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            messages.success(request, done)
        return HttpResponseRedirect(here)

    def start_job(self, action: BulkAction, rows: QuerySet[Any], total: int) -> HttpResponseBase:
        """Hand the chosen rows to a worker, whose preview asks before anything changes; first ask what it needs."""
        confirmed = self.request.POST.get("confirmed") == "yes"
        form = action.form_class(self.request.POST if confirmed else None) if action.form_class else None
        if form is not None and not (confirmed and form.is_valid()):
            form.helper = PortalFormHelper(form)
            return self.confirm(action, rows, total, form)
        try:
            job = start_choice(
                actor=self.actor,
                kind=action.job,
                ids=rows.values_list("pk", flat=True)[: MAX_ROWS + 1],
                options={**action.options(), **(form.options() if form is not None else {})},
                noun=str(self.row_model._meta.verbose_name_plural),
            )
        except ValidationError as error:
            messages.error(self.request, " ".join(error.messages))
            return HttpResponseRedirect(self.request.get_full_path())
        return HttpResponseRedirect(job.get_absolute_url())

    def chosen_rows(self) -> QuerySet[Any]:
        """Return the rows that were ticked, or all that the filters find if the reader asked for all."""
        filterset = self.get_filterset()
        rows = filterset.qs if filterset is not None else self.get_queryset()
        if self.request.POST.get("all") == "yes":
            return rows
        return rows.filter(pk__in=[pk for pk in self.request.POST.getlist("pk") if pk.isdigit()])

    def confirm(self, action: BulkAction, rows: QuerySet[Any], total: int, form: Any = None) -> HttpResponse:
        """Ask before a bulk action, saying how many rows and which."""
        context = self.get_context_data(
            action=action,
            form=form,
            total=total,
            names=[str(row) for row in rows[:10]],
            everything=self.request.POST.get("all") == "yes",
            chosen=self.request.POST.getlist("pk"),
            here=self.request.get_full_path(),
        )
        return self.render(context, "core/bulk_confirm.html", status=422 if form is not None and form.errors else 200)
