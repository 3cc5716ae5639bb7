"""Questions about rental plans."""

from django.db.models import QuerySet

from dids.plans.choices import RentalSide
from dids.plans.models import RentalPlan


def plans_offered(side: RentalSide) -> QuerySet[RentalPlan]:
    """Return the plans that may be given to numbers now."""
    return RentalPlan.objects.filter(side=side, archived_at=None).order_by("name")


def misfit(plan: RentalPlan | None, currency: str) -> str:
    """Return why ``plan`` cannot be charged to a balance in ``currency``, or nothing; amounts are not converted."""
    if plan is None or plan.is_free or plan.currency == currency:
        return ""
    return f"“{plan}” is priced in {plan.currency}, this balance is in {currency}."


class Defaults:
    """The default plans of one side, read once for as many numbers as are asked."""

    def __init__(self, side: RentalSide) -> None:
        plans = plans_offered(side).filter(is_default=True)
        self.plans: dict[tuple[str, int | None, str], RentalPlan] = {
            (plan.currency, plan.carrier_id, plan.country): plan for plan in plans
        }

    def find(self, currency: str, carrier_id: int, country: str) -> RentalPlan | None:
        """Return the plan of a number: its carrier's and country's, else its carrier's, its country's, or all's."""
        for scope in ((carrier_id, country), (carrier_id, ""), (None, country), (None, "")):
            if plan := self.plans.get((currency, *scope)):
                return plan
        return None
