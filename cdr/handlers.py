"""What the switch's events become: CDRs, log entries, recorded SIP messages."""

from cdr import call_log
from cdr.merge import CALL_EVENTS
from cdr.models import CDR, SipMessage
from cdr.names import Names
from cdr.store import merge_records
from systemlog.events import MAX_MESSAGE, Event
from systemlog.handlers import handles


@handles(*CALL_EVENTS)
def record_calls(events: list[Event]) -> None:
    """Merge calls' events into their CDRs and log each step in words."""
    records = merge_records(events, fill_names)
    call_log.write(events, records)


def fill_names(records: list[CDR], events: list[Event]) -> None:
    """Add the names as they are at the decision; later events leave them."""
    decided = {event.attempt for event in events if event.type == "decision"}
    fresh = [record for record in records if record.attempt_id in decided]
    if fresh:
        names = Names(fresh)
        for record in fresh:
            names.fill(record)


@handles("trace")
def record_messages(events: list[Event]) -> None:
    """Keep the SIP messages of a traced call."""
    SipMessage.objects.bulk_create(
        SipMessage(
            at=event.at,
            attempt_id=event.attempt,
            sequence=event.seq,
            direction=event.text("direction", 3),
            src=event.text("src", 64),
            dst=event.text("dst", 64),
            transport=event.text("transport", 8),
            message=event.text("message", MAX_MESSAGE),
        )
        for event in events
    )
