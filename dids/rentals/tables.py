"""Lists of rentals."""

from typing import Any

from core import render
from core import tables as t
from dids.rentals.models import RentalTerm


class TermTable(t.PortalTable):
    """The numbers that somebody rents."""

    did = t.LinkColumn("DID number", to="did", order_by="did__number")
    plan = t.PlainColumn(accessor="plan_name")
    monthly_fee = t.MoneyColumn("Monthly", currency="currency")
    since = t.WhenColumn("Rented since", precision="minutes")
    next_due_at = t.WhenColumn("Next charge", precision="minutes")
    owing = t.PlainColumn("State", accessor="pk", orderable=False)

    class Meta(t.PortalTable.Meta):
        model = RentalTerm
        fields = ("did", "plan", "monthly_fee", "since", "next_due_at", "owing")
        order_by = "did"

    fixed_columns = ("did",)

    def render_owing(self, record: Any) -> Any:
        """Draw whether it is paid."""
        words, colour = state_of(record)
        return render.pill(words, colour)

    def value_owing(self, record: Any) -> str:
        """Return the same for an export."""
        return state_of(record)[0]


def state_of(term: Any) -> tuple[str, str]:
    """Return how a rental stands, and its colour."""
    if term.suspended_at:
        return "Suspended, unpaid", "orange"
    return ("Unpaid", "orange") if term.owing and term.side == "sold" else ("Paid", "green")
