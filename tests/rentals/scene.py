"""A rented number, and the means to let its rental have begun long ago."""

import datetime as dt
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import connection

from accounts.models import Account
from billing.services import record_payment
from core.models import User
from dids.models import DID
from dids.plans.choices import RentalSide
from dids.plans.models import RentalPlan
from dids.rentals.models import RentalTerm
from dids.services import map_dids
from tests.inventory import a_carrier, a_user, an_account, an_alias, some_dids

NUMBER = "+44 20 7946 0018"


def at(text: str) -> dt.datetime:
    """Return an instant written in UTC."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def a_plan(name: str = "Standard", side: RentalSide = RentalSide.SOLD, monthly: str = "3", **values: Any) -> RentalPlan:
    """Create a plan."""
    values.setdefault("currency", "USD")
    return RentalPlan.objects.create(name=name, side=side, monthly_fee=Decimal(monthly), **values)


class Scene:
    """A carrier's numbers, an account with an alias, and an operator."""

    def __init__(self, numbers: str = NUMBER) -> None:
        self.user: User = a_user()
        self.carrier = a_carrier(self.user)
        self.account: Account = an_account(self.user)
        self.alias = an_alias(self.user, self.account)
        self.dids = some_dids(self.user, self.carrier, numbers)
        self.did = self.dids[0]

    def pay(self, amount: str, key: str = "first", account: Account | None = None) -> None:
        """Pay into the account."""
        balance = (account or self.account).balance
        record_payment(actor=self.user, balance=balance, amount=Decimal(amount), idempotency_key=key)

    def sell(self, plan: RentalPlan, *dids: DID) -> list[RentalTerm]:
        """Give numbers a plan and map them to the alias."""
        chosen = [did.pk for did in dids or self.dids]
        DID.objects.filter(pk__in=chosen).update(sold_plan=plan)
        map_dids(actor=self.user, did_ids=chosen, alias=self.alias, account=self.account)
        return list(RentalTerm.objects.filter(did__in=chosen, side="sold", until=None).order_by("did_id"))

    def balance(self) -> Decimal:
        """Return what the account has."""
        self.account.balance.refresh_from_db()
        return self.account.balance.amount


def happened(when: dt.datetime, *terms: RentalTerm) -> None:
    """Let these terms have begun at that time, and what was changed before have been changed before it."""
    before = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
    apps.get_model("rental_plans", "RentalPlanEvent").objects.all().update(pgh_created_at=before)
    apps.get_model("dids", "DIDEvent").objects.filter(pgh_obj__in=[term.did_id for term in terms]).update(
        pgh_created_at=before
    )
    for term in terms:
        RentalTerm.objects.filter(pk=term.pk).update(since=when, next_due_at=when)


def ended(when: dt.datetime, *terms: RentalTerm) -> None:
    """Let terms that were closed now have been closed at that time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE rentals_rentalterm SET until = %s, next_due_at = least(next_due_at, %s) WHERE id = ANY(%s)",
            [when, when, [term.pk for term in terms]],
        )
