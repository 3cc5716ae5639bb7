"""Tables of System Log and of dead letters."""

from typing import Any

from django.utils.safestring import SafeString

from core import render
from core import tables as t
from core.markup import format_html
from core.sentences import set_for_reading
from systemlog.models import DeadLetter, LogEntry
from systemlog.references import attempt_url, draw_refs, refs_in_words

NOWRAP = {"td": {"class": "text-nowrap"}}


class LogTable(t.PortalTable):
    """Entries, newest first."""

    at = t.WhenColumn("Time", precision="milliseconds")
    category = t.PillColumn()
    severity = t.PillColumn()
    message = t.PlainColumn("What happened", attrs={"td": {"class": "wrap log-message"}})
    refs = t.PlainColumn("About", attrs={"td": {"class": "wrap"}})
    attempt_id = t.PlainColumn("Call")
    number = t.MonoColumn(attrs=NOWRAP)
    source = t.MonoColumn("Address", attrs=NOWRAP)
    call_id = t.MonoColumn("Call-ID")
    reason = t.MonoColumn(copy=False)

    class Meta(t.PortalTable.Meta):
        model = LogEntry
        fields = (
            "at", "category", "severity", "message", "refs", "attempt_id", "number", "source", "call_id", "reason",
        )  # fmt: skip

    default_columns = ("at", "category", "severity", "message", "refs", "attempt_id", "source")
    fixed_columns = ("at", "message")

    def render_message(self, value: str) -> str:
        """Set numbers and addresses for reading."""
        return set_for_reading(value)

    def value_message(self, value: str) -> str:
        """Return it as it was written."""
        return value

    def render_refs(self, value: list[dict[str, Any]]) -> SafeString:
        """Link each thing an entry speaks of."""
        return draw_refs(value)

    def value_refs(self, value: list[dict[str, Any]]) -> str:
        """Return the references as text."""
        return refs_in_words(value)

    def render_attempt_id(self, value: Any) -> SafeString:
        """Link the call's page."""
        url = attempt_url(value)
        return format_html('<a href="{}" data-row-link>CDR</a>', url) if url else render.mono(value)

    def value_attempt_id(self, value: Any) -> str:
        """Return the attempt's id."""
        return str(value)


class DeadLetterTable(t.PortalTable):
    """Events that could not be taken in; open ones first."""

    created_at = t.WhenColumn("Since")
    event_id = t.MonoColumn("Event", link=True, copy=False, empty_values=())
    error = t.PlainColumn(attrs={"td": {"class": "wrap"}})
    failures = t.NumberColumn()
    resolution = t.PlainColumn("State", empty_values=())

    class Meta(t.PortalTable.Meta):
        model = DeadLetter
        fields = ("created_at", "event_id", "error", "failures", "resolution")
        order_by = "-created_at"

    fixed_columns = ("event_id",)

    def value_event_id(self, record: DeadLetter) -> str:
        """Return the event's id."""
        return str(record)

    def render_error(self, value: str) -> str:
        """Show the beginning; the whole stands on the letter's page."""
        return value if len(value) <= 200 else f"{value[:200]}…"

    def value_error(self, value: str) -> str:
        """Return all of it."""
        return value

    def render_resolution(self, record: DeadLetter) -> SafeString:
        """Say whether a person still has to look at it."""
        return state_pill(record)

    def value_resolution(self, record: DeadLetter) -> str:
        """Return the word."""
        return record.resolution or "open"


def state_pill(letter: DeadLetter) -> SafeString:
    """Return the pill of a dead letter's state."""
    colours = {"retried": "green", "discarded": "secondary"}
    word = letter.resolution or "open"
    return render.pill(word.capitalize(), colours.get(word, "red"))
