"""Questions about rentals."""

from decimal import Decimal
from typing import NamedTuple

from django.db.models import Case, Count, F, QuerySet, Sum, When

from dids.models import DID
from dids.plans.choices import RentalSide
from dids.rentals.dunning import owes
from dids.rentals.models import RentalCharge, RentalTerm

PLAN = {side.value: f"did__{side.value}_plan" for side in RentalSide}


def open_terms() -> QuerySet[RentalTerm]:
    """Return the rentals that go on, each with its plan's name and fees as they are now, and whether it owes."""
    terms = RentalTerm.objects.filter(until=None).select_related("did", "did__bought_plan", "did__sold_plan")
    fees = {
        name: Case(*[When(side=side, then=F(f"{path}__{field}")) for side, path in PLAN.items()])
        for name, field in (("plan_name", "name"), ("monthly_fee", "monthly_fee"), ("currency", "currency"))
    }
    return terms.annotate(owing=owes(), **fees)


class Rented(NamedTuple):
    """What open rentals come to."""

    numbers: int
    monthly: Decimal


def monthly_sum(terms: QuerySet[RentalTerm]) -> Rented:
    """Return how many rentals these are, and what they cost by the month at today's fees."""
    found = terms.order_by().aggregate(count=Count("pk"), monthly=Sum("monthly_fee"))
    return Rented(found["count"], found["monthly"] or Decimal(0))


def unpaid_sum(charges: QuerySet[RentalCharge]) -> Decimal:
    """Return what has fallen due and found no funds yet."""
    return charges.filter(charged_at=None).aggregate(total=Sum("amount"))["total"] or Decimal(0)


def terms_of(did: DID) -> dict[str, RentalTerm]:
    """Return a number's open rentals by side."""
    return {term.side: term for term in open_terms().filter(did=did).select_related("account__client", "carrier")}


def charges_of(did: DID) -> QuerySet[RentalCharge]:
    """Return what was charged for a number, newest first."""
    return RentalCharge.objects.filter(did=did).select_related("account__client", "carrier").order_by("-due_at", "-pk")
