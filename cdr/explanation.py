"""Say in words why a call went as it did, and what to do: pure, from the record and the evidence given.

Causes and remedies for 408 and 487 are the operator's guide's own, filled with this phone's and this switch's values.
"""

import datetime as dt
import ipaddress
from dataclasses import dataclass, field

from cdr import audio
from cdr.call_log import duration_words
from cdr.models import CDR
from routing.reasons import reason as reason_of

NAT_REASONS = {"no_response", "cancelled_no_response"}
HALF_A_MINUTE = dt.timedelta(seconds=30)


@dataclass(frozen=True)
class SeenContact:
    """A contact of the called alias as it stood at the call."""

    contact: str
    received: str
    user_agent: str
    heard_at: dt.datetime | None
    transport: str = "udp"
    switch: str = ""


@dataclass(frozen=True)
class Evidence:
    """What is known beside the record; all of it may be missing."""

    stun: str
    contacts: tuple[SeenContact, ...] = ()
    last_registration: str = ""
    last_registration_at: dt.datetime | None = None
    last_refusal: str = ""
    last_refusal_at: dt.datetime | None = None
    failed_check: str = ""
    near: str = ""
    # Where the number was suspended because its rental was unpaid: whose account, and since when.
    unpaid_account: str = ""
    unpaid_since: dt.datetime | None = None


@dataclass
class Explanation:
    """What happened, what shows it, why that may be, and what to do."""

    happened: str
    shown_by: list[str] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    remedies: list[str] = field(default_factory=list)


def explain(record: CDR, evidence: Evidence) -> Explanation:
    """Explain one call."""
    known = reason_of(record.reason)
    said = Explanation(_what_happened(record), causes=list(known.causes))
    said.remedies = [words.replace("{stun}", evidence.stun) for words in known.remedies]
    if evidence.failed_check:
        said.shown_by.append(evidence.failed_check + ".")
    if evidence.near:
        said.shown_by.append(f"Nearest miss: {evidence.near}.")
    if record.reason in NAT_REASONS:
        _explain_nat(record, evidence, said)
    elif record.reason == "did_suspended" and evidence.unpaid_account:
        _explain_unpaid(record, evidence, said)
    elif record.reason == "not_registered":
        _explain_unregistered(record, evidence, said)
    elif record.reason in {"declined", "phone_failed", "busy"} and record.phone_code:
        told = f"The phone answered {record.phone_code}"
        said.shown_by.append(f"{told}: {record.phone_reason}." if record.phone_reason else f"{told}.")
    _explain_audio(record, said)
    return said


def _what_happened(record: CDR) -> str:
    known = reason_of(record.reason)
    phone = record.alias_label or "The phone"
    if record.ended_at is None:
        if record.answered_at:
            return f"The call is up: {phone} answered it."
        return f"The call is being set up; {phone} rings." if record.rang_at else "The call is being set up."
    # Whoever calls from an address that is nobody's is no carrier of ours.
    who = "The caller's side" if record.reason == "source_not_listed" else "The carrier"
    told = f" {who} was told {record.sip_code}." if record.sip_code and record.sip_code >= 400 else ""
    if record.answered_at:
        lasted = duration_words(record.duration or 0)
        if record.reason != "completed":
            return f"{phone} answered, and they talked for {lasted}. Then: {_lower(known.words)}."
        by = {"caller": "the caller", "callee": "the phone", "switch": "the switch"}.get(record.hung_up_by, "one side")
        fault = audio.fault_words(record) or "Nothing went wrong"
        return f"{phone} answered, and they talked for {lasted}; {by} hung up. {fault}."
    if record.rang_at and record.ring_seconds is not None:
        return f"{phone} rang for {duration_words(record.ring_seconds)}. {known.words}.{told}"
    return f"{known.words}.{told}"


def _explain_nat(record: CDR, evidence: Evidence, said: Explanation) -> None:
    waited = (record.ended_at - record.started_at).total_seconds() if record.ended_at else 0
    said.shown_by.append(f"No packet came back from the phone in {duration_words(waited)}, not even “trying”.")
    for contact in evidence.contacts:
        told, seen = host_port(contact.contact), host_port(contact.received)
        agent = f" ({contact.user_agent})" if contact.user_agent else ""
        if told[0] and seen[0] and told != seen:
            said.shown_by.append(
                f"The phone{agent} says it is at {joined(told)}, but its registration came from {joined(seen)}: "
                "it is behind NAT."
            )
        elif is_private(told[0]):
            said.shown_by.append(f"The phone{agent} is at the private address {joined(told)}.")
        elif told[0]:
            said.shown_by.append(
                f"The phone{agent} is at {joined(told)} and registered from there, so NAT is less likely than a "
                "firewall, or a phone that was switched off."
            )
        if contact.heard_at and (silence := record.started_at - contact.heard_at) > HALF_A_MINUTE:
            said.shown_by.append(f"It had last registered {duration_words(silence.total_seconds())} before the call.")
        said.remedies = [own_values(words, told, seen) for words in said.remedies]


def own_values(remedy: str, told: tuple[str, int], seen: tuple[str, int]) -> str:
    """Return the guide's port mapping with this phone's own addresses in it."""
    if not remedy.startswith("Give the phone a fixed IP address") or not told[0] or told[0] == seen[0]:
        return remedy
    router = f" of the router at {seen[0]}" if seen[0] else " of the router"
    inside = told[1] or 5060
    return (
        f"Give the phone a fixed IP address in its LAN (it has {told[0]} now) and map UDP port {inside}{router} to "
        f"{joined((told[0], inside))}: the most reliable solution."
    )


def _explain_unregistered(record: CDR, evidence: Evidence, said: Explanation) -> None:
    for switch in sorted({contact.switch for contact in evidence.contacts} - {"", record.switch}):
        said.shown_by.append(
            f"A phone was registered at switch {switch}, which gave {record.switch} no sign of life: only {switch} "
            "can reach it."
        )
        said.remedies.insert(0, f"Start {switch} again, or let the phone register at another switch.")
    if evidence.last_registration and evidence.last_registration_at:
        ago = duration_words((record.started_at - evidence.last_registration_at).total_seconds())
        said.shown_by.append(f"{ago} before the call: {evidence.last_registration}")
    else:
        said.shown_by.append("This alias had never registered before the call.")
    if evidence.last_refusal and evidence.last_refusal_at:
        ago = duration_words((record.started_at - evidence.last_refusal_at).total_seconds())
        said.shown_by.append(f"{ago} before the call: {evidence.last_refusal}")
        said.remedies.insert(0, "Type the alias's SIP user name and secret into the phone again: it was refused.")


def _explain_unpaid(record: CDR, evidence: Evidence, said: Explanation) -> None:
    """Say that money was why the number was suspended, and that a payment ends it (docs/rentals.md)."""
    assert evidence.unpaid_since is not None
    ago = duration_words((record.started_at - evidence.unpaid_since).total_seconds())
    said.happened = said.happened.replace("The DID is suspended", "The DID is suspended: its rental is unpaid", 1)
    said.shown_by.append(f"It was suspended {ago} before the call: the rental was unpaid after the days of grace.")
    said.causes = [f"The balance of {evidence.unpaid_account} does not cover the number's monthly fee."]
    said.remedies = ["Add a payment for the account: the number is in service again within a minute."]


def _explain_audio(record: CDR, said: Explanation) -> None:
    """Say which way the audio took and what each side sent (the relay counts what passes through it)."""
    if not record.answered_at:
        return
    if path := audio.path_words(record):
        packets = audio.packets_words(record)
        said.shown_by.append(f"Audio: {_lower(path)}" + (f"; {packets}." if packets else "."))
    said.remedies += audio.remedies(record)


def host_port(text: str) -> tuple[str, int]:
    """Return host and port of a contact URI or of ``address:port``; ("", 0) where there is none, port 0 unsaid."""
    rest = text.partition("@")[2] if "@" in text else text.removeprefix("sips:").removeprefix("sip:")
    rest = rest.partition(";")[0].partition(">")[0].partition("?")[0].strip()
    if rest.startswith("["):
        host, _, port = rest[1:].partition("]")
        port = port.removeprefix(":")
    elif rest.count(":") > 1:
        host, port = rest, ""
    else:
        host, _, port = rest.partition(":")
    return host, int(port) if port.isdigit() and len(port) < 6 else 0


def joined(address: tuple[str, int]) -> str:
    """Return host and port as people write them."""
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"{host}:{address[1]}" if address[1] else host


def is_private(host: str) -> bool:
    """Whether an address cannot be reached over the Internet (RFC 1918, RFC 4193, RFC 6598 and the like)."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return not address.is_global


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]
