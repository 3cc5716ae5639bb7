"""The tab "Rental" of a DID, and "Rentals" of accounts and carriers."""

from typing import Any

from django.db.models import QuerySet

from core.tabs import ViewTab, register_tab
from core.views import EmptyState, FormActionView, PageAction, TabListView
from core.views.detail import TabView, tab_address
from dids.models import DID
from dids.plans.choices import RentalSide
from dids.plans.forms import plan_words
from dids.rentals.dunning import grace, suspension_ends
from dids.rentals.filters import TermFilterSet
from dids.rentals.forms import RentalPlansForm
from dids.rentals.models import RentalCharge, RentalTerm
from dids.rentals.selectors import charges_of, monthly_sum, open_terms, terms_of, unpaid_sum
from dids.rentals.tables import TermTable
from dids.services import update_did

SHOWN = 100


@register_tab(DID, "rental")
class DIDRentalTab(TabView):
    """What a number costs, when it is charged next, and what has been charged for it."""

    tab = ViewTab("Rental", weight=400)
    template_name = "rentals/did.html"

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add both sides and the charges."""
        charges = list(charges_of(self.object)[: SHOWN + 1])
        terms = terms_of(self.object)
        sides = [
            {
                "side": side,
                "plan": plan,
                "words": plan_words(plan) if plan else "",
                "term": terms.get(side),
                "ends": suspension_ends(terms[side]) if side in terms else None,
                "why_not": "" if side in terms else self.why_not(side),
            }
            for side, plan in ((RentalSide.SOLD, self.object.sold_plan), (RentalSide.BOUGHT, self.object.bought_plan))
        ]
        return super().get_context_data(
            sides=sides, charges=charges[:SHOWN], more=len(charges) > SHOWN, grace=grace().days, **extra
        )

    def why_not(self, side: RentalSide) -> str:
        """Say why a number with this side's plan is not rented now."""
        if side == RentalSide.BOUGHT:
            return "It is retired: no more months are charged." if self.object.bought_plan else ""
        return "It is charged from the day on which it is mapped to an account." if self.object.sold_plan else ""


class DIDPlans(FormActionView):
    """Give a number other rental plans."""

    model = DID
    form_class = RentalPlansForm
    submit_label = "Save"
    lead = (
        "A plan that is added begins a rental now; one that is taken away ends it. Another plan holds from the next "
        "month on."
    )

    def get_queryset(self) -> QuerySet[DID]:
        """Return DIDs with whoever pays for them."""
        return DID.objects.select_related("carrier__balance", "alias__account__balance", "sold_plan", "bought_plan")

    def get_title(self) -> str:
        """Return what is changed."""
        return f"Rental plans of {self.object}"

    def get_form_kwargs(self) -> dict[str, Any]:
        """Offer what the number has, also where it is archived."""
        return super().get_form_kwargs() | {"did": self.object}

    def perform(self, form: Any) -> DID:
        """Save them."""
        return update_did(actor=self.actor, did=self.object, **form.cleaned_data)

    def get_success_message(self, result: DID) -> str:
        """Say so."""
        return f"Rental plans of {result} saved."

    def get_success_url(self, result: Any) -> str:
        """Return the tab."""
        return tab_address(self.object, "rental")

    def get_cancel_url(self) -> str:
        """Return the tab."""
        return tab_address(self.object, "rental")


class RentalsTab(TabListView):
    """The numbers that the object of a page rents, with their monthly sum."""

    model = RentalTerm
    table_class = TermTable
    filterset_class = TermFilterSet
    template_name = "rentals/terms.html"
    party = ""

    def get_queryset(self) -> QuerySet[RentalTerm]:
        """Return its open rentals."""
        return open_terms().filter(**{self.party: self.object})

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add what they come to, and what is owed."""
        rented = monthly_sum(self.get_queryset())
        owed = unpaid_sum(RentalCharge.objects.filter(**{self.party: self.object}))
        currency = self.object.balance.currency
        return super().get_context_data(rented=rented, owed=owed, currency=currency, party=self.party, **extra)


@register_tab("accounts.account", "rentals")
class AccountRentalsTab(RentalsTab):
    """What an account pays by the month."""

    tab = ViewTab("Rentals", weight=400)
    party = "account"
    empty = EmptyState(
        "No rented number",
        "A number that is mapped to this account's aliases is charged by the month where it has a rental plan.",
        icon="calendar-repeat",
        action=PageAction("Rental plans", "rental_plans:rentalplan_list", query=" "),
    )


@register_tab("carriers.carrier", "rentals")
class CarrierRentalsTab(RentalsTab):
    """What we owe a carrier by the month."""

    tab = ViewTab("Rentals", weight=400)
    party = "carrier"
    empty = EmptyState(
        "No rented number",
        "A number of this carrier costs us by the month where it has a rental plan of the side “bought”.",
        icon="calendar-repeat",
        action=PageAction("Rental plans", "rental_plans:rentalplan_list", query=" "),
    )
