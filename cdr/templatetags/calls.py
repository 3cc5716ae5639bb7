"""Tags of the call pages."""

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core import render
from systemlog.references import page_of

register = template.Library()

OUTCOMES = {
    "passed": ("Passed", "green"),
    "failed": ("Failed", "red"),
    "unknown": ("Not known", "orange"),
    "not_reached": ("Not reached", "secondary"),
}


@register.simple_tag
def check_pill(outcome: str) -> SafeString:
    """Draw how a check of a decision ended."""
    return render.pill(*OUTCOMES.get(outcome, (outcome, "secondary")))


@register.simple_tag
def row_link(row: Mapping[str, Any]) -> SafeString:
    """Link the row that a check matched, by the name it had."""
    url = page_of(str(row.get("kind")), row.get("id"))
    label = row.get("label", "")
    return format_html('<a href="{}">{}</a>', url, label) if url else format_html("{}", label)
