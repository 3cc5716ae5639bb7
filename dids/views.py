"""Pages of the DID inventory, and the tab "DIDs" of carriers and aliases."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.safestring import SafeString

from billing.selectors import free_seconds_now
from carriers.models import Carrier
from carriers.selectors import usual_region
from core import render
from core.access import Access
from core.countries import country_name
from core.preview import Outcome, digest_of
from core.sip_addresses import sip_targets
from core.tabs import ViewTab, bounded_count, register_tab
from core.views import EmptyState, ListView, PageAction, TabCreateView, TabListView
from core.views.detail import TabView
from core.views.previewed import PreviewedView
from core.views.tabform import ObjectFormView
from dids import mapping_views  # noqa: F401 - registers the tab "DIDs" of accounts
from dids.action_views import may_be_released, may_be_retired
from dids.arrivals import last_arrival
from dids.bulk import add_dids, plan_list, plan_one, plan_range
from dids.bulk_views import DIDBulkMixin
from dids.choices import DIDState
from dids.filters import AccountDIDFilterSet, DIDFilterSet
from dids.forms import AddDIDForm, DIDForm, PasteDIDsForm
from dids.history import history_of, holders_of
from dids.models import DID
from dids.prices import price_of
from dids.quarantine import has_rested, quarantine_end
from dids.selectors import dids_with_holders, sip_target
from dids.services import update_did
from dids.tables import AliasDIDTable, CarrierDIDTable, DIDTable


class DIDListView(DIDBulkMixin, ListView):
    """DIDs over all carriers."""

    model = DID
    table_class = DIDTable
    filterset_class = DIDFilterSet
    page_actions = (PageAction("Import", "jobs:import_dids", icon="file-import"),)
    empty = EmptyState(
        "No DID number yet",
        "DID numbers are added to the carrier that provides them: open the carrier and click its tab DIDs.",
        icon="phone",
        action=PageAction("To the carriers", "carriers:carrier_list"),
    )

    def get_queryset(self) -> QuerySet[DID]:
        """Return all DIDs with their holders."""
        return dids_with_holders()


ADD_DID = PageAction("Add DID number", "dids:carrierdid_add", icon="plus", primary=True, fragment=True)


@register_tab("carriers.carrier", "dids")
class CarrierDIDsTab(DIDBulkMixin, TabListView):
    """The DID numbers that a carrier provides."""

    tab = ViewTab("DIDs", badge=lambda carrier: bounded_count(carrier.dids.exclude(state=DIDState.RETIRED)), weight=300)
    model = DID
    table_class = CarrierDIDTable
    filterset_class = DIDFilterSet
    page_actions = (
        PageAction("Import", "jobs:import_dids", icon="file-import", query="?carrier={pk}"),
        PageAction("Paste many", "dids:carrierdid_paste", icon="clipboard-list"),
        ADD_DID,
    )
    empty = EmptyState(
        "No DID number yet",
        "Add the DID numbers which are provided by this carrier: one by one, as a range, or pasted.",
        icon="phone",
        action=ADD_DID,
    )

    def get_queryset(self) -> QuerySet[DID]:
        """Return the carrier's DIDs."""
        return dids_with_holders().filter(carrier=self.object)


class DIDAdd(TabCreateView):
    """Add one DID number, or a range."""

    tab_model, return_slug = "carriers.carrier", "dids"
    model = DID
    form_class = AddDIDForm
    title = "Add DID number"

    def get_initial(self) -> dict[str, Any]:
        """Choose the country whose national numbers the carrier sends."""
        return {"region": usual_region(self.object)} | super().get_initial()

    def perform(self, form: Any) -> list[DID]:
        """Add them, or say beside the field which are DIDs already and whose."""
        values = form.cleaned_data
        carrier: Carrier = self.object
        if values["last"]:
            plan = plan_range(
                carrier=carrier, first=values["number"], last=values["last"], default_region=values["region"]
            )
        else:
            plan = plan_one(carrier=carrier, text=values["number"], default_region=values["region"])
        refused = [row for row in plan if not row.outcome.applies]
        if refused:
            field = "last" if values["last"] else "number"
            raise ValidationError({field: self.refusal([row.message for row in refused])})
        self.warnings = sorted({row.message for row in plan if row.outcome is Outcome.WARN})
        return add_dids(actor=self.actor, carrier=carrier, plan=plan, previewed=digest_of(plan))

    @staticmethod
    def refusal(messages: list[str]) -> list[str]:
        """Return the first reasons, and how to add the rest of a range."""
        more = [f"and {len(messages) - 3:,} more."] if len(messages) > 3 else []
        hint = ["Nothing was added; “Paste many” shows each number first and adds the others."]
        return [*messages[:3], *more, *(hint if len(messages) > 1 else [])]

    def get_success_message(self, result: list[DID]) -> str:
        """Name what was added, and what is unusual about it."""
        what = f"{result[0]} added." if len(result) == 1 else f"{len(result):,} DID numbers added."
        return " ".join([what, *self.warnings])


class DIDPaste(PreviewedView):
    """Add many DID numbers at once."""

    tab_model, return_slug = "carriers.carrier", "dids"
    model = DID
    form_class = PasteDIDsForm
    title = "Paste many DID numbers"
    rows_template = "dids/did_rows.html"

    def get_initial(self) -> dict[str, Any]:
        """Choose the country whose national numbers the carrier sends."""
        return {"region": usual_region(self.object)} | super().get_initial()

    def plan(self, form: Any) -> Any:
        """Plan each number."""
        values = form.cleaned_data
        return plan_list(carrier=self.object, text=values["text"], default_region=values["region"])

    def apply(self, form: Any, previewed: str) -> list[DID]:
        """Add what was previewed."""
        return add_dids(actor=self.actor, carrier=self.object, plan=self.plan(form), previewed=previewed)

    def apply_label(self, count: int) -> str:
        """Count the numbers."""
        return f"Add {count:,} DID number{'' if count == 1 else 's'}"

    def get_success_message(self, result: list[DID]) -> str:
        """Count them."""
        return f"{len(result):,} DID numbers added."


@register_tab("accounts.alias", "dids")
class AliasDIDsTab(TabListView):
    """The DID numbers that ring an alias."""

    tab = ViewTab("DIDs", badge=lambda alias: bounded_count(alias.dids), weight=200)
    model = DID
    table_class = AliasDIDTable
    filterset_class = AccountDIDFilterSet
    empty = EmptyState(
        "No DID number rings this alias", "DID numbers are mapped on the tab DIDs of its account.", icon="phone"
    )

    def get_queryset(self) -> QuerySet[DID]:
        """Return the alias's DIDs."""
        return dids_with_holders().filter(alias=self.object)


def in_state(*states: DIDState) -> Any:
    """Return what tells whether a DID is in one of these states."""
    return lambda did: did.state in states


@register_tab(DID)
class DIDView(ObjectFormView):
    """A DID's page: whom it rings, what to tell the provider, whether a call has arrived so."""

    model = DID
    form_class = DIDForm
    access_post, open_fields = Access.READ, ("notes",)
    tab = ViewTab("Main", weight=100)
    template_name = "dids/did.html"
    object_actions = (
        PageAction("Suspend", "dids:did_suspend", "player-pause", shown=in_state(DIDState.AVAILABLE, DIDState.MAPPED)),
        PageAction("Resume", "dids:did_resume", "player-play", shown=in_state(DIDState.SUSPENDED)),
        PageAction("Make available", "dids:did_release", "recycle", shown=may_be_released),
        PageAction(
            "End quarantine early",
            "dids:did_end_quarantine",
            "recycle",
            Access.ADMIN,
            shown=lambda did: not has_rested(did.state, did.state_since),
        ),
        PageAction("Move", "dids:did_move", "arrows-right-left", shown=lambda did: did.alias_id is not None),
        PageAction("Unmap", "dids:did_unmap", "unlink", danger=True, shown=lambda did: did.alias_id is not None),
        PageAction("Retire", "dids:did_retire", "archive", shown=may_be_retired),
        PageAction("Delete", "dids:did_delete", "trash", danger=True, shown=lambda did: did.alias_id is None),
    )

    @classmethod
    def object_queryset(cls, model: Any) -> QuerySet[DID]:
        """Return DIDs with their holders."""
        return dids_with_holders().select_related("alias__account__product")

    @classmethod
    def object_subtitle(cls, instance: DID) -> str:
        """Return the area and country."""
        return ", ".join(filter(None, (instance.area, country_name(instance.country) if instance.country else "")))

    @classmethod
    def object_pills(cls, instance: DID) -> list[SafeString]:
        """Return its state."""
        return [render.choice_pill(instance, "state")]

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add the address for the provider, and the last call."""
        target = sip_target(self.object, settings.SIP_ADDRESS, settings.SIP_PORT)
        others = [(label, uri) for label, uri in sip_targets(self.object.number) if uri != target]
        rest_ends = quarantine_end(self.object.state, self.object.state_since)
        price, alias = price_of(self.object), self.object.alias
        return super().get_context_data(
            sip_target=target,
            price=price,
            free_use=free_seconds_now(alias.account_id, self.object.pk) if price and alias else None,
            other_targets=others,
            arrival=last_arrival(self.object),
            rest_ends=rest_ends,
            **extra,
        )

    def perform(self, form: Any) -> DID:
        """Save it."""
        return update_did(actor=self.actor, did=self.object, **self.written(form))


@register_tab(DID, "history")
class DIDHistoryTab(TabView):
    """Who had the number, and who changed it."""

    tab = ViewTab("History", weight=950)
    template_name = "dids/history.html"

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add the versions."""
        return super().get_context_data(changes=history_of(self.object), holders=holders_of(self.object), **extra)
