"""Pages of carrier accounts: the tab "Accounts" of a carrier, and each address or subnet in it."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.safestring import SafeString

from carriers.bulk import add_networks, plan_networks
from carriers.filters import CarrierAccountFilterSet
from carriers.forms import CarrierAccountForm, PasteNetworksForm
from carriers.models import Carrier, CarrierAccount
from carriers.selectors import accounts_of
from carriers.services import delete_carrier_account, save_carrier_account
from carriers.tables import ENABLED, CarrierAccountTable
from core import render
from core.tabs import ViewTab, bounded_count, register_tab
from core.views import BulkAction, EmptyState, PageAction, TabCreateView, TabListView
from core.views.base import list_breadcrumb
from core.views.detail import tab_address
from core.views.guarded import GuardedDeleteView
from core.views.previewed import PreviewedView
from core.views.tabform import ObjectFormView

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
