"""One rendering for one kind of value, used by table columns and template tags alike.

Every function returns safe HTML and escapes what it is given: most values shown here came off the network.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import tablericons
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from core.choices import ColouredChoices
from core.markup import format_html

EMPTY = mark_safe('<span class="text-secondary none">–</span>')


# Parsed and written anew each time, icons took half of a list's time: a row may have three.
@lru_cache(maxsize=1024)
def icon(name: str, size: int = 18, css: str = "icon") -> SafeString:
    """Return a Tabler outline icon as inline SVG; decoration only, so hidden from screen readers."""
    svg = tablericons._render_icon(f"outline/{name}", size, **{"class": css, "aria-hidden": "true"})
    return mark_safe(svg)  # noqa: S308 - from the package's own files


def pill(label: Any, colour: str = "secondary", *, title: str = "") -> SafeString:
    """Return a status pill: a coloured dot and the word, never colour alone."""
    return format_html(
        '<span class="status status-{} pill"{}><span class="status-dot"></span>{}</span>',
        colour,
        format_html(' title="{}"', title) if title else "",
        label,
    )


def choice_pill(instance: Any, field_name: str) -> SafeString:
    """Return the pill of an instance's choice field, coloured by the choices class of the field."""
    value = getattr(instance, field_name)
    if value in (None, ""):
        return EMPTY
    label = getattr(instance, f"get_{field_name}_display", lambda: value)()
    return pill(label, colour_of(instance._meta.get_field(field_name), value))


def colour_of(field: Any, value: Any) -> str:
    """Return the colour that the coloured choices behind a field give a value; grey where there are none."""
    if hasattr(value, "colour"):
        return value.colour
    enum = _enum_behind(field)
    try:
        return enum(value).colour if enum else "secondary"
    except ValueError:
        return "secondary"


# A field works its pairs out anew each time, which took a tenth of a list's time.
@lru_cache(maxsize=1024)
def _enum_behind(field: Any) -> type[ColouredChoices] | None:
    return _enum_of(tuple((str(key), str(label)) for key, label in field.flatchoices))


@lru_cache(maxsize=256)
def _enum_of(pairs: tuple[tuple[str, str], ...]) -> type[ColouredChoices] | None:
    # A field keeps only the (value, label) pairs of the class it was declared with, so look the class up by them.
    for enum in _descendants(ColouredChoices):
        if tuple((str(key), str(label)) for key, label in enum.choices) == pairs:
            return enum
    return None


def _descendants(cls: type[ColouredChoices]) -> Iterator[type[ColouredChoices]]:
    for child in cls.__subclasses__():
        yield child
        yield from _descendants(child)


def mono(value: Any, *, copy: bool = True, css: str = "") -> SafeString:
    """Return a number, address or Call-ID in the monospaced face, with a button that copies exactly it."""
    if value in (None, ""):
        return EMPTY
    button = copy_button(value) if copy else ""
    return format_html('<span class="mono-wrap"><span class="mono {}">{}</span>{}</span>', css, value, button)


def copy_button(value: Any) -> SafeString:
    """Return the button that copies a value."""
    return format_html(
        '<button type="button" class="copy" data-copy="{}" aria-label="Copy {}" title="Copy">{}</button>',
        value,
        value,
        icon("copy", 14),
    )


def moment(value: datetime | None, *, precision: str = "seconds") -> SafeString:
    """Return a ``<time>`` in the reader's zone, with UTC to the millisecond in its tooltip.

    ``precision`` is "minutes", "seconds" or "milliseconds".
    """
    if value is None:
        return EMPTY
    local = timezone.localtime(value)
    # isoformat() takes a tenth of strftime()'s time.
    text = local.replace(tzinfo=None).isoformat(" ", precision)
    utc = value.astimezone(UTC)
    title = f"{utc.replace(tzinfo=None).isoformat(' ', 'milliseconds')} UTC"
    return format_html('<time class="when" datetime="{}" title="{}">{}</time>', utc.isoformat(), title, text)


def since(value: datetime | None) -> SafeString:
    """Return "4 min ago" as a ``<time>`` that the page's script keeps current; the tooltip has the instant."""
    if value is None:
        return EMPTY
    utc = value.astimezone(UTC)
    local = timezone.localtime(value)
    return format_html(
        '<time class="when" datetime="{}" title="{}" data-since>{}</time>',
        utc.isoformat(),
        f"{local:%Y-%m-%d %H:%M:%S %Z}",
        since_words(value),
    )


def since_words(value: datetime, now: datetime | None = None) -> str:
    """Return a distance from now in the largest whole unit: "12 s ago", "in 3 min", "5 d ago"."""
    seconds = ((now or timezone.now()) - value).total_seconds()
    distance = abs(seconds)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if distance >= length:
            amount = f"{int(distance // length)} {unit}"
            break
    else:
        amount = f"{int(distance)} s"
    return f"{amount} ago" if seconds >= 0 else f"in {amount}"


def decimals_of(amounts: Iterable[Decimal]) -> int:
    """Return with how many decimals, 2 to 6, all of these amounts can stand under each other."""
    return max([2, *(-int(amount.normalize().as_tuple().exponent) for amount in amounts)])


def money_text(amount: Decimal, decimals: int = 2) -> str:
    """Return an amount with ``decimals`` or as many more as it has, at most 6; thousands apart, a true minus sign."""
    text = f"{abs(amount):,.6f}".replace(",", "\u202f")
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0").ljust(decimals, "0")
    return f"{'−' if amount < 0 else ''}{whole}.{fraction}"


def money(amount: Decimal | None, currency: str = "", decimals: int = 2) -> SafeString:
    """Return an amount with its currency."""
    if amount is None:
        return EMPTY
    unit = format_html(' <span class="unit">{}</span>', currency) if currency else ""
    return format_html('<span class="num">{}{}</span>', money_text(amount, decimals), unit)


def duration(seconds: float | Decimal | None) -> SafeString:
    """Return a length of time as ``m:ss`` or ``h:mm:ss``, with the exact seconds in the tooltip."""
    if seconds is None:
        return EMPTY
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    text = f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
    return format_html(
        '<span class="num" title="{} s">{}</span>', f"{float(seconds):.3f}".rstrip("0").rstrip("."), text
    )
