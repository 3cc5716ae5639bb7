"""Log what the switches tell of themselves, and keep when each of them started last."""

from systemlog.choices import Category, Severity
from systemlog.entries import write_entries
from systemlog.events import Event, address_of
from systemlog.handlers import handles
from systemlog.models import LogEntry, Switch


@handles("switch")
def record_switch_states(events: list[Event]) -> None:
    """Log starts and stops. A switch that asks for nothing over HTTP has no token, and needs none here."""
    entries = []
    for event in events:
        state, version = event.text("state", 16), event.text("version", 64)
        switch, _ = Switch.objects.select_for_update().get_or_create(name=event.switch)
        if state == "started":
            if not switch.started_at or switch.started_at <= event.at:
                switch.started_at, switch.version = event.at, version
            words, severity = f"Switch {event.switch} started ({version}).", Severity.NOTICE
        elif state == "stopping":
            switch.stopped_at = max(filter(None, (switch.stopped_at, event.at)))
            words, severity = f"Switch {event.switch} stops.", Severity.WARNING
        else:
            words, severity = f"Switch {event.switch}: {state or 'unknown state'}.", Severity.NOTICE
        switch.save(update_fields=["started_at", "stopped_at", "version"])
        entries.append(LogEntry(at=event.at, category=Category.SWITCH, severity=severity, reason=state, message=words))
    write_entries(entries)


@handles("end", "registration")
def log_unreadable_times(events: list[Event]) -> None:
    """Log fields that should hold a time and do not; the event is taken in without them."""
    write_entries(
        LogEntry(
            at=event.at,
            category=Category.SWITCH,
            severity=Severity.WARNING,
            reason="unreadable_time",
            message=(
                f"Switch {event.switch} sent no readable time as {name!r} of the event {event.type}: "
                f"{str(event.body.get(name))[:60]!r}. The rest of the event was taken in."
            ),
            attempt_id=event.attempt if event.type == "end" else None,
        )
        for event in events
        for name in event.unreadable_times()
    )


@handles("flood")
def log_floods(events: list[Event]) -> None:
    """Log addresses that the switch no longer listens to for a while."""
    write_entries(
        LogEntry(
            at=event.at,
            category=Category.SWITCH,
            severity=Severity.WARNING,
            reason="flood",
            message=(
                f"{event.text('source', 64)} sends too many requests ({event.integer('count') or 'many'} in a second, "
                f"{event.text('transport', 8) or 'unknown transport'}); switch {event.switch} ignores it for a while."
            ),
            source=address_of(event.body.get("source")),
        )
        for event in events
    )
