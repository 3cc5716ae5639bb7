"""The page of the ledger's check."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from billing.models import Balance, LedgerDifference
from billing.proving import last_check
from billing.selectors import owner_of, with_owner
from billing.tasks import prove_ledger
from core import render
from core import tables as t
from core.access import Access
from core.views import EmptyState, ListView
from core.views.base import PageView


class DifferenceTable(t.PortalTable):
    """What does not add up, with whose it is."""

    words = t.PlainColumn("Difference", orderable=False)
    balance_id = t.PlainColumn("Owner", orderable=False)
    attempt_id = t.PlainColumn("Call", orderable=False)

    class Meta(t.PortalTable.Meta):
        model = LedgerDifference
        fields = ("words", "balance_id", "attempt_id")
        order_by = "id"

    fixed_columns = ("words",)

    def render_balance_id(self, value: int) -> Any:
        """Lead to the owner's ledger."""
        owner = self._owners().get(value)
        return format_html('<a href="{}ledger/">{}</a>', owner.get_absolute_url(), owner) if owner else render.EMPTY

    def value_balance_id(self, value: int) -> str:
        """Return the owner's name."""
        return str(self._owners().get(value) or value)

    def render_attempt_id(self, value: Any) -> Any:
        """Lead to the CDR."""
        return format_html('<a href="{}" class="mono">{}</a>', reverse("cdr:cdr_detail", args=[value]), value)

    def value_attempt_id(self, value: Any) -> str:
        """Return the id."""
        return str(value)

    def _owners(self) -> dict[int, Any]:
        """Return the owners of this page's balances, asked for once."""
        if not hasattr(self, "_found"):
            rows = self.page.object_list if getattr(self, "page", None) else self.data
            ids = {getattr(getattr(row, "record", row), "balance_id", None) for row in rows} - {None}
            balances = Balance.objects.select_related(*with_owner()).in_bulk(list(ids))
            self._found = {pk: owner_of(balance)[1] for pk, balance in balances.items()}
        return self._found


NOT_RUN = EmptyState("Not checked yet", "What does not add up would be listed here.", icon="scale")


class LedgerCheckView(ListView):
    """The last run: when, over what, and every difference."""

    access_post = Access.WRITE
    model = LedgerDifference
    title = "Ledger check"
    table_class = DifferenceTable
    template_name = "billing/ledger_check.html"
    empty = EmptyState(
        "Everything adds up",
        "Each balance is the sum of its entries, each charged leg of a CDR is in the ledger, and each reservation is "
        "for a live call.",
        icon="scale",
    )

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the settings."""
        return [("Settings", reverse("core:settings"))]

    def get_queryset(self) -> QuerySet[LedgerDifference]:
        """Return the last run's differences."""
        run = last_check()
        return run.differences.order_by("id") if run else LedgerDifference.objects.none()

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add the run; without one nothing is known to add up."""
        run = last_check()
        return super().get_context_data(**extra | ({} if run else {"empty": NOT_RUN}), run=run)


class LedgerCheckRun(PageView):
    """Run the check now, in the background."""

    access = Access.WRITE
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Hand it to a worker."""
        prove_ledger.delay()
        messages.success(request, "The check runs; its result appears here.")
        return HttpResponseRedirect(reverse("billing:ledgercheck"))
