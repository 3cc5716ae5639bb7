"""Tell a DID's page whether a call has arrived for it, and how it ended."""

from cdr.models import CDR
from dids.arrivals import Arrival, register_arrivals
from dids.models import DID
from routing.reasons import reason as reason_of
from systemlog.models import LogEntry


def last_call_of(did: DID) -> Arrival | None:
    """Return the last call to a DID, whatever became of it: it shows that the provider sends the number here."""
    records = [record for record in (_last_matched(did), _last_logged(did)) if record]
    if not records:
        return None
    record = max(records, key=lambda record: record.started_at)
    return Arrival(
        at=record.started_at,
        source=record.source or "",
        outcome=record.outcome.label,
        colour=record.outcome.colour,
        words=reason_of(record.reason).words if record.reason else "",
        url=record.get_absolute_url(),
    )


def _last_matched(did: DID) -> CDR | None:
    return CDR.objects.filter(did_id=did.pk).order_by("-started_at").first()


def _last_logged(did: DID) -> CDR | None:
    """Return the last call that was refused before its number was read, as from an address that is not listed.

    Such a record has no DID; System Log has the number as it was sent.
    """
    spellings = {did.number, f"+{did.number}", f"00{did.number}"}
    entries = LogEntry.objects.filter(number__in=spellings, attempt_id__isnull=False)
    attempt = entries.order_by("-at").values_list("attempt_id", flat=True).first()
    return CDR.objects.filter(attempt_id=attempt).first() if attempt else None


def register() -> None:
    """Let DIDs ask."""
    register_arrivals(last_call_of)
