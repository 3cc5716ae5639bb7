"""Clients › Accounts › DIDs: the guide's "Add DID number", moving a DID to another alias, and unmapping it."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase

from accounts.models import Account
from core.access import Access
from core.tabs import ViewTab, bounded_count, register_tab
from core.views import EmptyState, FormActionView, PageAction, TabListView
from core.views.detail import tab_address
from core.views.edit import add_errors
from dids.choices import DIDState
from dids.filters import AccountDIDFilterSet, AvailableFilterSet
from dids.forms import MapForm, MoveForm, UnmapForm
from dids.models import DID
from dids.rental_plans import AccountPricing
from dids.selectors import available_dids, dids_of_account, dids_with_holders
from dids.services import map_dids, move_dids, unmap_dids, until_words
from dids.tables import AccountDIDTable, AvailableDIDTable

ADD_DID_NUMBER = PageAction("Add DID number", "dids:accountdid_add", icon="plus", primary=True)


@register_tab("accounts.account", "dids")
class AccountDIDsTab(TabListView):
    """The DID numbers that ring an account's aliases."""

    tab = ViewTab("DIDs", badge=lambda account: bounded_count(dids_of_account(account)), weight=300)
    model = DID
    table_class = AccountDIDTable
    filterset_class = AccountDIDFilterSet
    page_actions = (ADD_DID_NUMBER,)
    empty = EmptyState(
        "No DID number yet",
        "Add DID number shows the list of available DIDs: select the DID and choose the alias to map it to.",
        icon="phone",
        action=ADD_DID_NUMBER,
    )

    def get_queryset(self) -> QuerySet[DID]:
        """Return the account's DIDs."""
        return dids_of_account(self.object)


class DIDMap(TabListView):
    """The list of available DIDs; choose one or many, choose the alias, done."""

    access = Access.WRITE
    tab_model, tab_slug = "accounts.account", "dids"
    tab = AccountDIDsTab.tab
    template_name = "dids/map.html"
    model = DID
    table_class = AvailableDIDTable
    filterset_class = AvailableFilterSet
    empty = EmptyState(
        "No DID is available",
        "Add DID numbers to the carrier that provides them, or make ones available that rest in quarantine.",
        icon="phone",
        action=PageAction("To the carriers", "carriers:carrier_list", query=" "),
    )

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Begin with nothing chosen."""
        super().setup(request, *args, **kwargs)
        self.form = MapForm(account=self.object)
        self.chosen: frozenset[int] = frozenset()

    def get_queryset(self) -> QuerySet[DID]:
        """Return the available DIDs."""
        return available_dids()

    def get_table(self, rows: Any, *, export: bool = False) -> AvailableDIDTable:
        """Tick what was chosen."""
        table: Any = super().get_table(rows, export=export)
        table.chosen = self.chosen
        table.pricing = AccountPricing(self.object)
        return table

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add the choice of the alias."""
        shown = {row.record.pk for row in extra["table"].page.object_list}
        chosen_elsewhere = sorted(self.chosen - shown)
        has_aliases = self.form.has_aliases
        return super().get_context_data(
            form=self.form, chosen_elsewhere=chosen_elsewhere, has_aliases=has_aliases, **extra
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Map all that was chosen, or none of it and say who has what."""
        self.form = MapForm(request.POST, account=self.object)
        self.chosen = frozenset(int(pk) for pk in request.POST.getlist("pk") if pk.isdigit())
        if self.form.is_valid():
            alias = self.form.cleaned_data["alias"]
            try:
                dids = map_dids(
                    actor=self.actor,
                    did_ids=self.chosen,
                    alias=alias,
                    account=self.object,
                    sold_plan=self.form.cleaned_data["sold_plan"],
                )
            except ValidationError as error:
                add_errors(self.form, error)
            else:
                what = str(dids[0]) if len(dids) == 1 else f"{len(dids):,} DID numbers"
                messages.success(request, f"{what} mapped to {alias}. Make a test call and watch System Log.")
                return HttpResponseRedirect(tab_address(self.object, "dids"))
        self.chosen &= set(available_dids().filter(pk__in=self.chosen).values_list("pk", flat=True))
        response = self.get(request, *args, **kwargs)
        response.status_code = 422
        return response


class _HeldDIDView(FormActionView):
    """Something done to a DID that rings an alias; it returns to the account's DIDs."""

    model = DID

    def get_queryset(self) -> QuerySet[DID]:
        """Return the DIDs that ring an alias."""
        return dids_with_holders().filter(alias__isnull=False)

    @property
    def account(self) -> Account:
        """Return the account whose DID it is."""
        return self.object.alias.account

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the account's DIDs."""
        return [(f"{self.account.client} › {self.account}", tab_address(self.account, "dids"))]

    def get_success_url(self, result: Any) -> str:
        """Return the account's DIDs."""
        return tab_address(self.account, "dids")


class DIDMove(_HeldDIDView):
    """Let a DID ring another alias of its account."""

    form_class = MoveForm
    submit_label = "Move"

    def get_title(self) -> str:
        """Return the question."""
        return f"Move {self.object} to which alias?"

    def get_lead(self) -> str:
        """Say whom it rings now."""
        return f"It rings {self.object.alias} now. Calls in progress go on; the next one rings the other alias."

    def get_form_kwargs(self) -> dict[str, Any]:
        """Offer the account's other aliases."""
        return super().get_form_kwargs() | {"account": self.account, "current": self.object.alias}

    def perform(self, form: Any) -> DID:
        """Move it."""
        alias = form.cleaned_data["alias"]
        return move_dids(actor=self.actor, did_ids=[self.object.pk], alias=alias, account=self.account)[0]

    def get_success_message(self, result: DID) -> str:
        """Say whom it rings."""
        return f"{result} rings {result.alias} now."


class DIDUnmap(_HeldDIDView):
    """Take a DID from its alias."""

    form_class = UnmapForm
    submit_label = "Unmap"

    def get_title(self) -> str:
        """Return the question."""
        return f"Unmap {self.object}?"

    def get_lead(self) -> str:
        """Say what stops."""
        return f"{self.object.alias} of {self.account.client} › {self.account} is not called on this number any more."

    def perform(self, form: Any) -> DID:
        """Unmap it."""
        quarantine = bool(form.cleaned_data["quarantine"])
        return unmap_dids(actor=self.actor, did_ids=[self.object.pk], account=self.account, quarantine=quarantine)[0]

    def get_success_message(self, result: DID) -> str:
        """Say what it is now."""
        state = f"in quarantine{until_words(result)}" if result.state == DIDState.QUARANTINE else result.state
        return f"{result} unmapped; it is {state}."
