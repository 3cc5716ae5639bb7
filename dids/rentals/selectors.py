"""Questions about rentals."""

import datetime as dt
from collections.abc import Collection
from decimal import Decimal
from typing import NamedTuple

from django.apps import apps
from django.db.models import Case, Count, F, QuerySet, Sum, When

from accounts.models import Account
from dids.choices import DIDState
from dids.models import DID
from dids.plans.choices import RentalSide
from dids.rentals.dunning import owes, suspended_unpaid
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


def charged_dids(did_ids: Collection[int]) -> dict[int, str]:
    """Return by DID how many rental charges refer to it, in words."""
    counts = RentalCharge.objects.filter(did__in=did_ids).order_by().values_list("did").annotate(count=Count("pk"))
    return {did: f"{count:,} rental charge{'' if count == 1 else 's'}" for did, count in counts}


class Unpaid(NamedTuple):
    """A number that was suspended because its rental was unpaid: since when, and whose account."""

    since: dt.datetime
    account_id: int | None
    account: str
    still: bool


def unpaid_at(did_id: int, at: dt.datetime) -> Unpaid | None:
    """Return why a number was suspended at that time, where that was money; its history tells."""
    events = apps.get_model("dids", "DIDEvent").objects.filter(pgh_obj=did_id, pgh_created_at__lte=at)
    event = events.select_related("pgh_context").order_by("-pgh_id").first()
    told = event.pgh_context.metadata if event is not None and event.pgh_context else {}
    if event is None or event.state != DIDState.SUSPENDED or not told.get("unpaid"):
        return None
    account = Account.objects.filter(aliases=event.alias_id).select_related("client").first()
    still = suspended_unpaid().filter(did=did_id).exists()
    name = f"{account.client} › {account}" if account else "an account since deleted"
    return Unpaid(event.pgh_created_at, account.pk if account else None, name, still)
