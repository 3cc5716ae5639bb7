"""Show what a balance holds for calls now."""

from typing import Any

from django import template

from billing.models import Balance
from billing.reservations import held_now

register = template.Library()

SHOWN = 10


@register.inclusion_tag("billing/held_calls.html")
def held_calls(balance: Balance) -> dict[str, Any]:
    """List the calls that money or free seconds of a balance are held for, the newest first, and how many more."""
    if not balance.reserved:
        return {"rows": [], "balance": balance}
    rows = held_now(balance, SHOWN + 1)
    return {"rows": rows[:SHOWN], "more": len(rows) > SHOWN, "balance": balance}
