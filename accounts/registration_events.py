"""Keep the registrations that the switch tells of, in whatever order, and log who comes, goes and is refused."""

import re

from accounts.models import Alias, Registration
from systemlog.choices import Category, Severity
from systemlog.entries import ref, write_entries
from systemlog.events import Event, address_of, endpoint_of
from systemlog.handlers import handles
from systemlog.models import LogEntry

URI_IN_BRACKETS = re.compile(r"<([^<>]*)>")
REFUSALS = {
    "wrong_secret": "wrong secret",
    "unknown_user": "no such SIP user name",
    "wrong_user": "it asked for another user's registration",
    "too_many_contacts": "too many contacts",
}


def contact_uris(header: str) -> list[str]:
    """Return the URIs of a Contact header: in brackets, or bare up to its parameters (RFC 3261 §20.10)."""
    found = URI_IN_BRACKETS.findall(header)
    return found or [part for part in [header.partition(";")[0].strip()] if part]


@handles("registration", weight=90)
def record_registrations(events: list[Event]) -> None:
    """Store and log registration events; a refresh of a contact that is known is stored, not logged."""
    names = {event.text("alias", 64) for event in events}
    aliases = {
        alias.username: alias
        for alias in Alias.objects.filter(username__in=names).select_related("account__client").order_by("pk")
    }
    # Locked in one order; rows of one phone come from one switch, so that two workers seldom meet here at all.
    held = {
        (row.alias_id, row.switch, row.contact): row
        for row in Registration.objects.filter(alias__in=aliases.values()).order_by("pk").select_for_update()
    }
    changed: dict[tuple[int, str, str], Registration] = {}
    entries = []
    for event in sorted(events, key=lambda event: event.at):
        alias = aliases.get(event.text("alias", 64))
        action = event.text("action", 16)
        if alias is not None and action in {"registered", "refreshed"}:
            _bind(event, alias, held, changed)
        elif alias is not None and action in {"unregistered", "expired"}:
            _unbind(event, alias, held, changed)
        if action != "refreshed":
            entries.append(_entry(event, action, alias))
    _save(changed)
    write_entries(entries)


@handles("switch")
def end_connections(events: list[Event]) -> None:
    """End the registrations over connections that a switch had before it started anew: it has forgotten them."""
    for event in events:
        if event.text("state", 16) == "started":
            gone = Registration.objects.filter(switch=event.switch, transport__in=("tcp", "tls"), ended_at=None)
            gone.filter(refreshed_at__lt=event.at).update(ended_at=event.at)


Held = dict[tuple[int, str, str], Registration]


def _bind(event: Event, alias: Alias, held: Held, changed: Held) -> None:
    expires = event.time("expires") or event.at
    for contact in contact_uris(event.text("contact")):
        key = (alias.pk, event.switch, contact)
        row = held.get(key)
        if row is None:
            row = held[key] = Registration(
                alias=alias, switch=event.switch, contact=contact, registered_at=event.at, refreshed_at=event.at,
                expires_at=expires,
            )  # fmt: skip
        elif event.at < row.refreshed_at:
            continue
        elif row.ended_at or row.expires_at < event.at or event.text("action") == "registered":
            row.registered_at = event.at
        row.received = endpoint_of(event.body.get("received"))
        row.transport = event.text("transport", 8)
        row.user_agent = event.text("user_agent")
        row.call_id = event.text("call_id")
        row.refreshed_at, row.expires_at, row.ended_at = event.at, expires, None
        changed[key] = row


def _unbind(event: Event, alias: Alias, held: Held, changed: Held) -> None:
    contacts = contact_uris(event.text("contact"))
    for key, row in held.items():
        mine = key[:2] == (alias.pk, event.switch) and ("*" in contacts or row.contact in contacts)
        if mine and row.refreshed_at <= event.at and row.ended_at is None:
            row.ended_at = event.at
            changed[key] = row


def _save(changed: Held) -> None:
    fields = [
        "received",
        "transport",
        "user_agent",
        "call_id",
        "registered_at",
        "refreshed_at",
        "expires_at",
        "ended_at",
    ]
    Registration.objects.bulk_create(
        (Registration(**_columns(row)) for row in changed.values()),
        update_conflicts=True,
        unique_fields=["alias", "switch", "contact"],
        update_fields=fields,
    )


def _columns(row: Registration) -> dict[str, object]:
    return {
        field.attname: getattr(row, field.attname)
        for field in Registration._meta.concrete_fields
        if not field.primary_key
    }


def _entry(event: Event, action: str, alias: Alias | None) -> LogEntry:
    name = event.text("alias", 64) or "a phone without user name"
    # An expiry comes from no packet: a phone that is behind no NAT is where its contact says.
    contact = event.text("contact").removeprefix("sip:").rpartition("@")[2].partition(";")[0]
    origin = endpoint_of(event.body.get("received")) or event.text("source", 64) or contact or "an unknown address"
    agent = event.text("user_agent")
    tail = f" ({agent})" if agent else ""
    severity = Severity.INFO
    if action == "registered":
        words = f"{name} registered from {origin}{tail}."
    elif action == "unregistered":
        words = f"{name} unregistered from {origin}."
    elif action == "expired":
        words, severity = f"The registration of {name} at {origin} expired{tail}.", Severity.NOTICE
    elif action == "refused":
        why = REFUSALS.get(event.text("reason", 40), event.text("reason", 40) or "unknown reason")
        words, severity = f"Registration of {name} from {origin} refused: {why}{tail}.", Severity.WARNING
    else:
        words, severity = f"{name}: unknown registration event {action}.", Severity.ERROR
    return LogEntry(
        at=event.at,
        category=Category.REGISTRATION,
        severity=severity,
        reason=event.text("reason", 40) or action,
        message=words,
        refs=_refs(alias),
        source=address_of(event.body.get("source")) or address_of(origin.rpartition(":")[0]),
        call_id=event.text("call_id"),
    )


def _refs(alias: Alias | None) -> list[dict[str, object]]:
    if alias is None:
        return []
    account = alias.account
    return [
        *ref("alias", alias.pk, alias.username),
        *ref("account", account.pk, account.name),
        *ref("client", account.client_id, account.client.name),
    ]
