"""Draw what a decision says."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core import render
from core.sentences import set_for_reading
from routing.decision import Outcome, Ref
from routing.reasons import reason as reason_of
from systemlog.references import page_of

register = template.Library()

OUTCOMES = {
    Outcome.PASSED: ("Passed", "green"),
    Outcome.FAILED: ("Refused", "red"),
    Outcome.UNKNOWN: ("Left to the switch", "azure"),
    Outcome.NOT_REACHED: ("Not reached", "secondary"),
}


@register.simple_tag
def outcome_pill(outcome: Outcome | str) -> SafeString:
    """Return the pill of a check's outcome."""
    return render.pill(*OUTCOMES[Outcome(outcome)])


@register.simple_tag
def verdict_pill(reason: str) -> SafeString:
    """Return the pill of a verdict."""
    return render.pill("Let in", "green") if reason == "accepted" else render.pill("Refused", "red")


@register.simple_tag
def decision_row(ref: Ref | None) -> SafeString:
    """Return the row that matched, linked to its page, with the version it had."""
    if not ref:
        return render.EMPTY
    url = page_of(ref.kind, ref.id)
    label = set_for_reading(ref.label)
    name = format_html('<a href="{}">{}</a>', url, label) if url else label
    return format_html(
        '{} <span class="text-secondary num" title="configuration version">v{}</span>', name, ref.version
    )


@register.filter
def reason_words(code: str) -> str:
    """Return a reason in words."""
    return reason_of(code).words
