"""Edit a rate in its row of the list, and what codes cost on a day."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from billing.forms import RateDayForm
from billing.models import Rate
from billing.rate_history import CodeHistory, codes_on
from billing.rate_views import RateEdit
from billing.tables import RateRows
from core.access import Access
from core.forms import PortalFormHelper
from core.tabs import ViewTab, register_tab
from core.views.detail import TabView
from core.views.list import remembered_columns


class RateRowEdit(RateEdit):
    """A rate as a row of the list: as it is read, as a form in its place, and as it is after saving.

    Without htmx the address is that of a plain form, as of any other row.
    """

    access: Access | str = Access.WRITE

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the form in the row's place, or (Cancel) the row again."""
        if self.in_row and "cancel" in request.GET:
            return self.drawn()
        return super().get(request, *args, **kwargs)

    @property
    def in_row(self) -> bool:
        """Tell whether the list asks for one of its rows."""
        return self.wants_fragment(f"rate-{self.object.pk}")

    def show(self, form: Any, status: int = 200) -> HttpResponse:
        """Show the form in the row's place."""
        if not self.in_row:
            return super().show(form, status)
        context = {"form": form, "rate": self.object, "form_action": self.request.path}
        return self.render(context, "billing/rate_row_form.html", status=status)

    def done(self, form: Any, result: Rate) -> HttpResponseBase:
        """Show the row as it is now."""
        return self.drawn() if self.in_row else super().done(form, result)

    def drawn(self) -> HttpResponse:
        """Return the row with the columns that the list shows."""
        current = urlsplit(self.request.htmx.current_url or "")  # type: ignore[attr-defined]
        named = [name for value in parse_qs(current.query).get("columns", []) for name in value.split(",") if name]
        columns = named or remembered_columns(self.request).get("billing:ratetable_detail", [])
        table = RateRows(self.get_queryset().filter(pk=self.object.pk), columns=columns)
        table.before_render(self.request)
        return self.render({"table": table, "rows": table.rows}, "components/table_rows.html")


@register_tab("billing.ratetable", "day")
class RateDayTab(TabView):
    """Type a code or a number and a day; see what it cost then."""

    tab = ViewTab("On a day", weight=200)
    template_name = "billing/rate_day.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer the question that the address asks."""
        form = RateDayForm(request.GET if "code" in request.GET else None)
        form.helper = PortalFormHelper(form)  # type: ignore[attr-defined]
        found: list[CodeHistory] | None = None
        if form.is_bound and form.is_valid():
            found = codes_on(self.object, form.cleaned_data["code"], form.cleaned_data["day"])
        asked = form.cleaned_data if found is not None else {}
        return self.render(self.get_context_data(form=form, found=found, asked=asked))
