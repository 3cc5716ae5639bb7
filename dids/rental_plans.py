"""Which rental plans numbers have: given, taken by default, and kept to the currency of whoever pays."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import Account
from carriers.models import Carrier
from dids.models import DID
from dids.plans.choices import RentalSide
from dids.plans.forms import plan_words
from dids.plans.models import RentalPlan
from dids.plans.selectors import Defaults, misfit


def check_plan(plan: RentalPlan | None, side: RentalSide, field: str) -> None:
    """Raise ValidationError beside ``field`` for a plan of the other side."""
    if plan is not None and plan.side != side:
        raise ValidationError({field: f"“{plan}” prices numbers that are {plan.get_side_display().lower()}."})


def check_bought(did: DID, plan: RentalPlan | None) -> None:
    """Raise ValidationError beside ``bought_plan`` where the carrier's balance is in another currency."""
    check_plan(plan, RentalSide.BOUGHT, "bought_plan")
    if words := misfit(plan, did.carrier.balance.currency):
        raise ValidationError({"bought_plan": words})


def check_sold(did: DID, plan: RentalPlan | None) -> None:
    """Raise ValidationError beside ``sold_plan`` where the account that has the number pays in another currency."""
    check_plan(plan, RentalSide.SOLD, "sold_plan")
    if did.alias and (words := misfit(plan, did.alias.account.balance.currency)):
        raise ValidationError({"sold_plan": words})


def default_bought_plans(carrier: Carrier, countries: Iterable[str]) -> dict[str, RentalPlan | None]:
    """Return by country the plan that a carrier's new numbers get."""
    defaults = Defaults(RentalSide.BOUGHT)
    return {country: defaults.find(carrier.balance.currency, carrier.pk, country) for country in set(countries)}


def price_for_account(dids: Sequence[DID], account: Account, chosen: RentalPlan | None = None) -> None:
    """Give locked numbers the plan that ``account`` will pay: the chosen one, else their own, else the default.

    Raise ValidationError beside ``sold_plan`` for a plan in another currency than the account's balance.
    """
    currency = account.balance.currency
    check_plan(chosen, RentalSide.SOLD, "sold_plan")
    defaults = None if chosen else Defaults(RentalSide.SOLD)
    own = RentalPlan.objects.in_bulk({did.sold_plan_id for did in dids if did.sold_plan_id})
    given: dict[int, list[int]] = defaultdict(list)
    for did in dids:
        plan = chosen or own.get(did.sold_plan_id or 0)
        if plan is None and defaults is not None:
            plan = defaults.find(currency, did.carrier_id, did.country)
        if words := misfit(plan, currency):
            raise ValidationError({"sold_plan": f"{did}: {words} Choose a plan in {currency}."})
        if plan is not None and plan.pk != did.sold_plan_id:
            given[plan.pk].append(did.pk)
            did.sold_plan = plan
    for plan_id, ids in given.items():
        DID.objects.filter(pk__in=ids).update(sold_plan_id=plan_id)


class AccountPricing:
    """What mapping numbers to an account costs it by the month; plans are read once for a whole list."""

    def __init__(self, account: Account) -> None:
        self.currency = account.balance.currency
        self.defaults = Defaults(RentalSide.SOLD)

    def plan_of(self, did: DID) -> RentalPlan | None:
        """Return the plan that a number would be rented by."""
        return did.sold_plan or self.defaults.find(self.currency, did.carrier_id, did.country)

    def words(self, did: DID) -> str:
        """Say what it would cost, or why it cannot be mapped without another plan."""
        plan = self.plan_of(did)
        return (misfit(plan, self.currency) or f"{plan_words(plan)} ({plan})") if plan else ""


class PlanRules:
    """What bulk changes need to know of plans: read once for a hundred thousand numbers.

    ``after`` tells which plans a number has afterwards. Its words of refusal follow the number.
    """

    def __init__(self) -> None:
        self.plans = RentalPlan.objects.in_bulk()
        self.defaults = {side: Defaults(side) for side in RentalSide}
        self.carriers = dict(Carrier.objects.values_list("pk", "balance__currency"))
        self.accounts: dict[int, str] = {}
        self.named: dict[tuple[str, str], RentalPlan] = {
            (plan.side, plan.name.casefold()): plan for plan in self.plans.values() if plan.archived_at is None
        }

    def find(self, side: RentalSide, name: str) -> RentalPlan | None:
        """Return the plan of this side that is offered under this name."""
        return self.named.get((side.value, name.casefold()))

    def account_currency(self, account_id: int) -> str:
        """Return in which currency an account pays."""
        if account_id not in self.accounts:
            found = Account.objects.filter(pk=account_id).values_list("balance__currency", flat=True).first()
            self.accounts[account_id] = found or ""
        return self.accounts[account_id]

    def after(
        self,
        now: Mapping[str, int | None] | None,
        wished: Mapping[str, int | None],
        *,
        carrier_id: int,
        country: str,
        account_id: int | None,
        new_holder: bool,
    ) -> dict[str, int | None]:
        """Return both plans by column, given those that it has (``now``, None for a new number) and those wished for.

        Raise ValidationError for a plan in another currency than the balance it is charged to.
        """
        had = now or {"bought_plan_id": None, "sold_plan_id": None}
        bought = wished.get("bought_plan_id", had["bought_plan_id"])
        if now is None and "bought_plan_id" not in wished:
            bought = self._default(RentalSide.BOUGHT, self.carriers[carrier_id], carrier_id, country)
        if bought != had["bought_plan_id"]:
            self._fit(bought, self.carriers[carrier_id])
        sold = wished.get("sold_plan_id", had["sold_plan_id"])
        if account_id is not None:
            currency = self.account_currency(account_id)
            if new_holder and sold is None and "sold_plan_id" not in wished:
                sold = self._default(RentalSide.SOLD, currency, carrier_id, country)
            if new_holder or sold != had["sold_plan_id"]:
                self._fit(sold, currency)
        return {"bought_plan_id": bought, "sold_plan_id": sold}

    def _default(self, side: RentalSide, currency: str, carrier_id: int, country: str) -> int | None:
        plan = self.defaults[side].find(currency, carrier_id, country)
        return plan.pk if plan else None

    def _fit(self, plan_id: int | None, currency: str) -> None:
        if words := misfit(self.plans.get(plan_id or 0), currency):
            raise ValidationError(words)


def plan_changes(did: DID, changes: dict[str, Any]) -> None:
    """Check the plans among the changes of one DID."""
    if "bought_plan" in changes:
        check_bought(did, changes["bought_plan"])
    if "sold_plan" in changes:
        check_sold(did, changes["sold_plan"])
