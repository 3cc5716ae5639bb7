"""How figures of reports are drawn."""

from django import template

from core.render import EMPTY

register = template.Library()


@register.filter
def percent(value: float | None) -> str:
    """Draw a share with one decimal."""
    return EMPTY if value is None else f"{value:.1f}\u202f%"


@register.filter
def minutes(seconds: float) -> str:
    """Draw seconds as whole minutes, with a space between thousands."""
    return f"{seconds / 60:,.0f}".replace(",", "\u202f")
