"""Template tags of the portal; each hands over to core.render, so that tables and templates draw alike."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.http import HttpRequest
from django.template.base import render_value_in_context
from django.template.context import RequestContext
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from core import render
from core.access import allows
from core.markup import escaped
from core.navigation import shown_menu
from core.table_values import drawn_rows

register = template.Library()

register.simple_tag(render.icon, name="icon")
register.simple_tag(render.pill, name="pill")
register.simple_tag(render.choice_pill, name="choice_pill")
register.simple_tag(render.mono, name="mono")
register.simple_tag(render.copy_button, name="copy_button")


@register.simple_tag(takes_context=True)
def draw_rows(context: template.Context, table: Any, rows: Any) -> SafeString:
    """Draw the rows of a table, each cell escaped as ``{{ cell }}`` would be."""

    def draw(cell: Any) -> str:
        # Of text nothing depends on the language or the zone.
        return escaped(cell) if type(cell) in (SafeString, str) else render_value_in_context(cell, context)

    drawn = drawn_rows(table, rows, draw)
    return mark_safe("".join(drawn))  # noqa: S308 - drawn_rows escapes


@register.filter
def when(value: datetime | None, precision: str = "seconds") -> SafeString:
    """Draw an instant in the reader's zone; precision minutes, seconds or milliseconds."""
    return render.moment(value, precision=precision)


@register.filter
def since(value: datetime | None) -> SafeString:
    """Draw how long ago an instant was."""
    return render.since(value)


@register.filter
def money(value: Decimal | None, currency: str = "") -> SafeString:
    """Draw an amount with its currency."""
    return render.money(value, currency)


@register.filter
def amount(value: Decimal, decimals: int) -> str:
    """Draw an amount that stands under others, with as many decimals as they need; their head names the currency."""
    return render.money_text(value, decimals)


@register.filter
def duration(value: float | None) -> SafeString:
    """Draw seconds as m:ss."""
    return render.duration(value)


@register.filter
def thousands(value: int | None) -> str:
    """Draw a count with a thin space between thousands."""
    return "–" if value is None else f"{value:,}".replace(",", "\u202f")


@register.filter
def or_dash(value: Any) -> Any:
    """Draw a dash for what is empty."""
    return render.EMPTY if value in (None, "") else value


@register.filter
def may(user: Any, access: str) -> bool:
    """Tell whether a user satisfies a rule: {% if user|may:"write" %}."""
    return allows(user, access)


@register.simple_tag(takes_context=True)
def main_menu(context: RequestContext) -> Any:
    """Return the menu for this user and page."""
    return shown_menu(context["request"])


@register.simple_tag(takes_context=True)
def with_query(context: RequestContext, **changes: Any) -> str:
    """Return this page's query string with parameters replaced; None takes one away."""
    request: HttpRequest = context["request"]
    query = request.GET.copy()
    for key, value in changes.items():
        if value is None:
            query.pop(key, None)
        else:
            query[key] = str(value)
    return f"?{query.urlencode()}"


@register.simple_tag(takes_context=True)
def sort_query(context: RequestContext, column: Any) -> str:
    """Return the query string that orders by a column, its other way round if it already does; page 1 again."""
    return with_query(context, sort=column.order_by_alias.next, page=None)


@register.filter
def minus(total: int, shown: list[Any]) -> int:
    """Return how many of ``total`` a list does not show."""
    return total - len(shown)


@register.filter
def protector_link(row: Any) -> SafeString:
    """Draw a row that forbids a deletion: its kind and its name, linked where it has a page."""
    kind = row._meta.verbose_name
    url = getattr(row, "get_absolute_url", None)
    if url is None:
        return format_html("{} {}", kind, row)
    return format_html('{} <a href="{}">{}</a>', kind, url(), row)
