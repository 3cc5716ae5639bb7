"""Pages of carriers: list, Main, Accounts, Ledger; other apps hang their tabs beside these."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.safestring import SafeString

from billing.ledger_views import AdjustmentView, LedgerTab, PaymentView
from billing.statement_views import StatementTab
from carriers.bulk import add_networks, plan_networks
from carriers.filters import CarrierAccountFilterSet, CarrierFilterSet
from carriers.forms import CarrierAccountForm, CarrierForm, CarrierMainForm, PasteNetworksForm
from carriers.models import Carrier, CarrierAccount
from carriers.selectors import accounts_of, carriers_with_counts, setup_steps
from carriers.services import (
    archive_carrier,
    create_carrier,
    delete_carrier,
    delete_carrier_account,
    save_carrier_account,
    update_carrier,
    what_keeps,
)
from carriers.tables import ENABLED, CarrierAccountTable, CarrierTable
from core import render
from core.access import Access
from core.archive import ArchiveView, RestoreMixin, archived_pill, is_archived, is_in_use
from core.tabs import ViewTab, bounded_count, register_tab
from core.views import BulkAction, CreateView, EmptyState, ListView, PageAction, TabCreateView, TabListView
from core.views.base import list_breadcrumb
from core.views.detail import tab_address
from core.views.guarded import GuardedDeleteView
from core.views.previewed import PreviewedView
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
        return what_keeps(self.object)

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


ADD_ADDRESS = PageAction("Add IP address", "carriers:carrieraccount_add", icon="plus", primary=True, fragment=True)


@register_tab(Carrier, "accounts")
class CarrierAccountsTab(TabListView):
    """The tab "Accounts": the addresses from which this carrier sends the calls."""

    tab = ViewTab("Accounts", badge=lambda carrier: bounded_count(carrier.accounts), weight=200)
    model = CarrierAccount
    table_class = CarrierAccountTable
    filterset_class = CarrierAccountFilterSet
    page_actions = (PageAction("Paste many", "carriers:carrieraccount_paste", icon="clipboard-list"), ADD_ADDRESS)
    empty = EmptyState(
        "No address yet",
        "Add every IP address, or range of addresses, from which this carrier sends the calls. "
        "Calls from any other address are refused.",
        icon="network",
        action=ADD_ADDRESS,
    )
    bulk_actions = (
        BulkAction("enable", "Enable", icon="player-play"),
        BulkAction("disable", "Disable", confirm="Calls from these addresses are refused.", icon="player-pause"),
        BulkAction(
            "delete",
            "Delete",
            confirm="Calls from these addresses are refused from then on.",
            icon="trash",
            danger=True,
        ),
    )

    def get_queryset(self) -> QuerySet[CarrierAccount]:
        """Return the carrier's addresses."""
        return accounts_of(self.object)

    def bulk_enable(self, rows: QuerySet[CarrierAccount], actor: Any) -> str:
        """Let calls from there in again."""
        return f"{self._switch(rows, actor, enabled=True)} addresses enabled."

    def bulk_disable(self, rows: QuerySet[CarrierAccount], actor: Any) -> str:
        """Refuse calls from there."""
        return f"{self._switch(rows, actor, enabled=False)} addresses disabled."

    @staticmethod
    def _switch(rows: QuerySet[CarrierAccount], actor: Any, *, enabled: bool) -> int:
        accounts = list(rows.select_related("carrier__balance").order_by("pk"))
        for account in accounts:
            account.enabled = enabled
            save_carrier_account(actor=actor, account=account)
        return len(accounts)

    def bulk_delete(self, rows: QuerySet[CarrierAccount], actor: Any) -> str:
        """Delete them."""
        accounts = list(rows.order_by("pk"))
        for account in accounts:
            delete_carrier_account(actor=actor, account=account)
        return f"{len(accounts)} addresses deleted."


class CarrierAccountAdd(TabCreateView):
    """Add one address, or a range with "subnet"."""

    tab_model, parent_field, return_slug = "carriers.carrier", "carrier", "accounts"
    model = CarrierAccount
    form_class = CarrierAccountForm
    title = "Add IP address"

    def perform(self, form: Any) -> CarrierAccount:
        """Add it."""
        return save_carrier_account(actor=self.actor, account=form.instance)

    def get_success_message(self, result: CarrierAccount) -> str:
        """Say which."""
        return f"{result} added. Calls of {result.carrier} from there are accepted from now on."


class CarrierAccountPaste(PreviewedView):
    """Add many addresses at once."""

    tab_model, return_slug = "carriers.carrier", "accounts"
    model = CarrierAccount
    form_class = PasteNetworksForm
    title = "Paste many IP addresses"
    rows_template = "carriers/network_rows.html"

    def plan(self, form: Any) -> Any:
        """Plan each line."""
        values = form.cleaned_data
        return plan_networks(carrier=self.object, text=values["text"], tech_prefix=values["tech_prefix"])

    def apply(self, form: Any, previewed: str) -> list[CarrierAccount]:
        """Add what was previewed."""
        return add_networks(
            actor=self.actor,
            carrier=self.object,
            previewed=previewed,
            **form.cleaned_data,
        )

    def get_success_message(self, result: list[CarrierAccount]) -> str:
        """Count them."""
        return f"{len(result):,} address{'' if len(result) == 1 else 'es'} added."


@register_tab(CarrierAccount)
class CarrierAccountView(ObjectFormView):
    """One address or subnet of a carrier."""

    model = CarrierAccount
    form_class = CarrierAccountForm
    tab = ViewTab("Main", weight=100)
    object_actions = (PageAction("Delete", "carriers:carrieraccount_delete", icon="trash", danger=True),)

    @classmethod
    def object_queryset(cls, model: Any) -> QuerySet[CarrierAccount]:
        """Return addresses with carrier, balance and product."""
        return CarrierAccount.objects.select_related("carrier__balance", "product")

    @classmethod
    def object_parents(cls, instance: CarrierAccount) -> list[tuple[str, str]]:
        """Return the carriers, the carrier and its addresses."""
        carrier = instance.carrier
        accounts = tab_address(carrier, "accounts")
        return [*list_breadcrumb(carrier), (str(carrier), carrier.get_absolute_url()), ("Accounts", accounts)]

    @classmethod
    def object_subtitle(cls, instance: CarrierAccount) -> str:
        """Return its description."""
        return instance.description

    @classmethod
    def object_pills(cls, instance: CarrierAccount) -> list[SafeString]:
        """Return whether it is enabled."""
        return [render.pill(*ENABLED[0 if instance.enabled else 1])]

    def perform(self, form: Any) -> CarrierAccount:
        """Save it."""
        return save_carrier_account(actor=self.actor, account=form.instance)

    def get_success_url(self, result: CarrierAccount) -> str:
        """Return the carrier's addresses."""
        return tab_address(result.carrier, "accounts")


class CarrierAccountDelete(GuardedDeleteView):
    """Delete an address."""

    model = CarrierAccount
    queryset = CarrierAccount.objects.select_related("carrier")
    form_class = forms.Form

    def get_lead(self) -> str:
        """Say what stops."""
        return f"Calls of {self.object.carrier} from {self.object} are refused from then on."

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the pages above, and the entry's own."""
        return [*CarrierAccountView.object_parents(self.object), (str(self.object), self.object.get_absolute_url())]

    def perform(self, form: Any) -> str:
        """Delete."""
        name = str(self.object)
        delete_carrier_account(actor=self.actor, account=self.object)
        return name

    def get_success_url(self, result: str) -> str:
        """Return the carrier's addresses."""
        return tab_address(self.object.carrier, "accounts")

    def get_success_message(self, result: str) -> str:
        """Say which."""
        return f"{result} deleted."
