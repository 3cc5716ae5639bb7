"""HTML from pieces, escaped as Django does it, for what a list of 250 rows does ten thousand times."""

from html import escape
from typing import Any

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString


def escaped(value: Any) -> str:
    """Return ``conditional_escape(value)``; of a string it is not asked whether it is lazy, most of the time there."""
    kind = type(value)
    if kind is SafeString:
        return value
    return SafeString(escape(value)) if kind is str else conditional_escape(value)


def format_html(text: str, *args: Any, **kwargs: Any) -> SafeString:
    """Return ``django.utils.html.format_html(text, …)``."""
    return SafeString(text.format(*map(escaped, args), **{name: escaped(value) for name, value in kwargs.items()}))
