"""Pages of carriers: list, Main, Ledger; other apps hang their tabs beside these."""

from typing import Any

from django.db.models import QuerySet
from django.utils.safestring import SafeString

from billing.ledger_views import AdjustmentView, LedgerTab, PaymentView
from billing.selectors import what_keeps_owner
from billing.statement_views import StatementTab
from carriers import account_views  # noqa: F401 - registers the tab "Accounts" of carriers
from carriers.filters import CarrierFilterSet
from carriers.forms import CarrierForm, CarrierMainForm
from carriers.models import Carrier
from carriers.selectors import carriers_with_counts, setup_steps
from carriers.services import archive_carrier, create_carrier, delete_carrier, update_carrier
from carriers.tables import ENABLED, CarrierTable
from core import render
from core.access import Access
from core.archive import ArchiveView, RestoreMixin, archived_pill, is_archived, is_in_use
from core.tabs import ViewTab, register_tab
from core.views import BulkAction, CreateView, EmptyState, ListView, PageAction
from core.views.guarded import GuardedDeleteView
from core.views.tabform import ObjectFormView

ADD = PageAction("Add carrier", "carriers:carrier_add", icon="plus", primary=True)


class CarrierListView(ListView):
    """All carriers."""

    model = Carrier
    table_class = CarrierTable
    filterset_class = CarrierFilterSet
    page_actions = (ADD,)
    empty = EmptyState(
        "No carrier yet",
        "A carrier sends you the calls. Begin with the company that provides your DID numbers.",
        icon="building-broadcast-tower",
        action=ADD,
    )
    bulk_actions = (
        BulkAction("enable", "Enable", icon="player-play"),
        BulkAction("disable", "Disable", confirm="Their calls are refused from the next one on.", icon="player-pause"),
    )

    def get_queryset(self) -> QuerySet[Carrier]:
        """Return all carriers with balance and counts."""
        return carriers_with_counts()

    def bulk_enable(self, rows: QuerySet[Carrier], actor: Any) -> str:
        """Let their calls in again."""
        return f"{self._switch(rows, actor, enabled=True)} carriers enabled."

    def bulk_disable(self, rows: QuerySet[Carrier], actor: Any) -> str:
        """Refuse their calls."""
        return f"{self._switch(rows, actor, enabled=False)} carriers disabled."

    @staticmethod
    def _switch(rows: QuerySet[Carrier], actor: Any, *, enabled: bool) -> int:
        return len([update_carrier(actor=actor, carrier=row, enabled=enabled) for row in rows.order_by("pk")])


class CarrierAdd(CreateView):
    """Add a carrier, which opens its page at the next step of the guide."""

    model = Carrier
    form_class = CarrierForm

    def perform(self, form: Any) -> Carrier:
        """Create it with its balance."""
        return create_carrier(actor=self.actor, **form.cleaned_data)


@register_tab(Carrier)
class CarrierView(ObjectFormView):
    """The tab "Main": "Carrier is DID provider", credit, and what the guide says is still to be done."""

    model = Carrier
    form_class = CarrierMainForm
    access_post, open_fields = Access.READ, ("notes",)
    tab = ViewTab("Main", weight=100)
    template_name = "carriers/carrier.html"
    object_actions = (
        PageAction("Delete", "carriers:carrier_delete", icon="trash", danger=True),
        PageAction("Archive", "carriers:carrier_archive", icon="archive", shown=is_in_use),
        PageAction("Take back", "carriers:carrier_restore", icon="archive-off", shown=is_archived),
        PageAction("Add payment", "carriers:carrier_payment", icon="cash"),
    )

    @classmethod
    def object_queryset(cls, model: Any) -> QuerySet[Carrier]:
        """Return carriers with their balance."""
        return Carrier.objects.select_related("balance")

    @classmethod
    def object_pills(cls, instance: Carrier) -> list[SafeString]:
        """Return what decides whether its calls come in."""
        pills = [] if instance.enabled else [render.pill(*ENABLED[1])]
        if instance.is_did_provider:
            pills.append(render.pill("DID provider", "azure"))
        if not instance.balance.in_credit:
            pills.append(render.pill("No credit", "red", title="Its calls are refused"))
        return [*pills, *archived_pill(instance)]

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add the guide's steps."""
        return super().get_context_data(steps=setup_steps(self.object), **extra)

    def perform(self, form: Any) -> Carrier:
        """Save the carrier and the limit of its balance."""
        return update_carrier(actor=self.actor, carrier=self.object, **self.written(form))


class CarrierArchive(ArchiveView):
    """Hide a carrier that has no number in use."""

    model = Carrier
    lead = (
        "It is disabled, so its calls are refused, and hidden from lists and choices. Its ledger and past calls stay, "
        "and payments can still be booked."
    )

    def archive(self) -> Carrier:
        """Archive it, or take it back."""
        return archive_carrier(actor=self.actor, carrier=self.object, archived=self.archived)


class CarrierRestore(RestoreMixin, CarrierArchive):
    """Show an archived carrier again."""

    lead = "It is listed and offered again, disabled until you enable it."


class CarrierDelete(GuardedDeleteView):
    """Delete a carrier that has neither DIDs nor a ledger."""

    model = Carrier
    instead = PageAction("Archive it", "carriers:carrier_archive", icon="archive", shown=is_in_use)

    def keepers(self) -> list[str]:
        """Return its DIDs and ledger entries, counted."""
        return what_keeps_owner(self.object)

    def perform(self, form: Any) -> str:
        """Delete."""
        delete_carrier(actor=self.actor, carrier=self.object)
        return str(self.object)


class CarrierPayment(PaymentView):
    """Give a carrier credit."""

    model = Carrier


class CarrierAdjustment(AdjustmentView):
    """Correct a carrier's balance."""

    model = Carrier


@register_tab(Carrier, "statement")
class CarrierStatement(StatementTab):
    """What moved a carrier's balance over a period."""


@register_tab(Carrier, "ledger")
class CarrierLedger(LedgerTab):
    """Every movement of a carrier's balance."""

    page_actions = (
        PageAction("Adjustment", "carriers:carrier_adjustment", permission=Access.ADMIN, icon="adjustments"),
    )
    empty = EmptyState(
        "No entry yet",
        "Add a payment, so that the carrier has some credit: a few units are enough.",
        icon="receipt",
    )
