"""The table of CDRs."""

from datetime import UTC
from typing import Any

from django.utils.safestring import SafeString

from cdr.choices import Outcome
from cdr.models import CDR
from core import render
from core import tables as t
from core.markup import format_html
from core.sentences import set_for_reading
from routing.reasons import reason as reason_of
from systemlog.choices import Severity
from systemlog.references import page_of

AMISS = {Severity.WARNING, Severity.ERROR}


class PartyColumn(t.PlainColumn):
    """The name a party had at the call, linked to its page of today."""

    def __init__(self, kind: str, **kwargs: Any) -> None:
        self.kind = kind
        super().__init__(accessor=f"{kind}_label", **kwargs)

    def render(self, value: Any, record: CDR) -> Any:
        """Link the name; one that the call did not get to stays empty."""
        url, value = page_of(self.kind, getattr(record, f"{self.kind}_id")), set_for_reading(value)
        if not value:
            return render.EMPTY
        drawn = format_html('<a href="{}">{}</a>', url, value) if url else value
        return format_html('<span class="party">{}</span>', drawn)


class CdrTable(t.PortalTable):
    """Calls, newest first; every attempt, refused ones too."""

    started_at = t.PlainColumn("Set-up")
    outcome = t.PlainColumn(empty_values=(), accessor="reason", attrs={"td": {"class": "outcome"}})
    caller_number = t.MonoColumn("From", accessor="caller_number")
    called_number = t.PlainColumn("To", accessor="called_number")
    carrier = PartyColumn("carrier")
    did = PartyColumn("did", verbose_name="DID")
    account = PartyColumn("account")
    alias = PartyColumn("alias")
    duration = t.DurationColumn(accessor="duration")
    sip_code = t.NumberColumn("SIP")
    q850_cause = t.NumberColumn("Q.850")
    hung_up_by = t.PlainColumn("Ended by")
    source = t.MonoColumn("Source")
    call_id = t.MonoColumn("Call-ID")
    rang_at = t.WhenColumn("Rang", precision="milliseconds")
    answered_at = t.WhenColumn("Answered", precision="milliseconds")
    ended_at = t.WhenColumn("Ended", precision="milliseconds")
    phone_user_agent = t.PlainColumn("Phone")
    switch = t.PlainColumn()
    attempt_id = t.MonoColumn("Attempt")

    class Meta(t.PortalTable.Meta):
        model = CDR
        fields = (
            "started_at", "outcome", "caller_number", "called_number", "carrier", "did", "account", "alias", "duration",
            "sip_code", "q850_cause", "hung_up_by", "source", "call_id", "rang_at", "answered_at", "ended_at",
            "phone_user_agent", "switch", "attempt_id",
        )  # fmt: skip
        row_attrs = {**t.PortalTable.Meta.row_attrs, "data-reason": lambda record: record.reason}

    default_columns = (
        "started_at", "outcome", "caller_number", "called_number", "carrier", "account", "alias", "duration",
        "sip_code", "source",
    )  # fmt: skip
    fixed_columns = ("started_at", "called_number")

    def render_started_at(self, record: CDR) -> SafeString:
        """Lead to the call: the first thing in a row is what a reader clicks."""
        when = render.moment(record.started_at, precision="milliseconds")
        return format_html('<a href="{}">{}</a>', record.get_absolute_url(), when)

    def value_started_at(self, record: CDR) -> str:
        """Return ISO 8601 in UTC."""
        return record.started_at.astimezone(UTC).isoformat()

    def render_called_number(self, value: str, record: CDR) -> SafeString:
        """Lead to the call; the number set for reading, copied bare."""
        return format_html(
            '<span class="mono-wrap"><a href="{}" class="mono phone-number" data-row-link>{}</a>{}</span>',
            record.get_absolute_url(),
            set_for_reading(value),
            render.copy_button(value),
        )

    def render_caller_number(self, value: str) -> SafeString:
        """Set the number for reading; what is copied is the bare one."""
        drawn = format_html('<span class="mono phone-number">{}</span>', set_for_reading(value))
        return format_html('<span class="mono-wrap">{}{}</span>', drawn, render.copy_button(value))

    def value_caller_number(self, value: str) -> str:
        """Return it as it is."""
        return value

    def value_called_number(self, value: str) -> str:
        """Return it as it is."""
        return value

    def render_outcome(self, record: CDR) -> SafeString:
        """Draw the outcome's colour with the reason's words."""
        return outcome_pill(record)

    def value_outcome(self, record: CDR) -> str:
        """Return the internal reason."""
        return record.reason or record.outcome.value

    def value_duration(self, record: CDR) -> Any:
        """Return seconds."""
        return "" if record.duration is None else record.duration


def outcome_pill(record: CDR) -> SafeString:
    """Return the pill of a call: its outcome's colour, its reason in words.

    A call that was answered and then ended as it should not have has the colour of how much that matters.
    """
    outcome = record.outcome
    words, colour = "In progress", outcome.colour
    if record.ended_at:
        reason = reason_of(record.reason)
        words = reason.words
        if outcome is Outcome.ANSWERED and reason.severity in AMISS:
            colour = reason.severity.colour
    return render.pill(words, colour, title=record.reason or outcome.label)
