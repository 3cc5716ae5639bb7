"""Lists of rental plans."""

from typing import Any

from core import render
from core import tables as t
from core.countries import country_name
from dids.plans.models import RentalPlan


class PlanTable(t.PortalTable):
    """All rental plans."""

    name = t.LinkColumn()
    side = t.PillColumn()
    setup_fee = t.MoneyColumn("Set-up", currency="currency")
    monthly_fee = t.MoneyColumn("Monthly", currency="currency")
    first_period = t.PillColumn("First month")
    free_days = t.NumberColumn("Free days")
    default_for = t.PlainColumn("Default for", accessor="pk", orderable=False, empty_values=())
    users = t.NumberColumn("DIDs", accessor="user_count")
    state = t.PillColumn("State", accessor="archived", words=(("Archived", "secondary"), ("In use", "green")))

    class Meta(t.PortalTable.Meta):
        model = RentalPlan
        fields = (
            "name", "side", "setup_fee", "monthly_fee", "first_period", "free_days", "default_for", "users", "state",
        )  # fmt: skip
        order_by = "name"

    fixed_columns = ("name",)

    def render_default_for(self, record: RentalPlan) -> Any:
        """Say for which numbers."""
        return default_words(record) or render.EMPTY

    def value_default_for(self, record: RentalPlan) -> str:
        """Say the same in an export."""
        return default_words(record)


def default_words(plan: RentalPlan) -> str:
    """Return for which numbers a plan is the default, or nothing."""
    if not plan.is_default:
        return ""
    parts = [str(plan.carrier) if plan.carrier else "", country_name(plan.country) if plan.country else ""]
    return ", ".join(filter(None, parts)) or "all numbers"
