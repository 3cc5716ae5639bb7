"""The phones of the past: where they were, when they registered, which one was lost; as registration events."""

import datetime as dt
import random
import uuid
from typing import Any

from demo.cast import ALIASES, LOST_PHONE, SILENT_PHONE, agent_of

# Each client's router; a phone behind it has a private address of its own.
ROUTERS = {
    "harbour": "198.51.100.130",
    "bluebell": "198.51.100.141",
    "copperfield": "198.51.100.152",
    "kestrel": "198.51.100.163",
    "willow": "198.51.100.174",
    "ashdown": "198.51.100.185",
}
EXPIRES = 3600
HOUR = 3600.0


def contact_of(alias: str) -> str:
    """Return where the phone said it was."""
    return f"sip:{alias}@192.168.1.{20 + ALIASES.index(alias)}:5060"


def received_from(alias: str, at: float, lost_since: float) -> str:
    """Return where the phone's packets came from, or nothing where it was not registered."""
    if alias == LOST_PHONE and at >= lost_since:
        return ""
    return f"{ROUTERS[alias.partition('-')[0]]}:{10_000 + 7 * ALIASES.index(alias)}"


def registrations(seed: int, switch: str, begun: dt.datetime, days: float, lost_since: float) -> list[dict[str, Any]]:
    """Return what the phones told the switch until ``begun``, where the live ones take over."""
    chance = random.Random(f"{seed}:registrations")
    end = begun.timestamp()
    start = end - days * 24 * HOUR
    events = []

    def tell(at: float, alias: str, action: str, reason: str = "") -> None:
        events.append(_event(chance, switch, at, alias, action, reason))

    for alias in ALIASES:
        first = start + chance.random() * 600
        tell(first, alias, "registered")
        last = end - 60
        if alias == LOST_PHONE:
            tell(lost_since, alias, "expired")
            # Somebody typed its secret wrongly; it tries on.
            for at in _times(chance, lost_since + 300, end - 900, 5 * HOUR):
                tell(at, alias, "refused", reason="wrong_secret")
            continue
        # A phone that is switched off at night or restarted now and then.
        for at in _times(chance, first + HOUR, end - 2 * HOUR, 60 * HOUR):
            tell(at, alias, "expired" if chance.random() < 0.5 else "unregistered")
            tell(at + chance.uniform(40, 400), alias, "registered")
        tell(last - EXPIRES / 2, alias, "refreshed")
        tell(last if alias != SILENT_PHONE else last - 20, alias, "unregistered")
    for at in _times(chance, start + HOUR, end - HOUR, 30 * HOUR):
        for name in ("100", "admin", "1001"):
            tell(at + len(name), name, "refused", reason="unknown_user")
    return sorted(events, key=lambda event: event["at"])


def _event(chance: random.Random, switch: str, at: float, alias: str, action: str, reason: str) -> dict[str, Any]:
    """Return one event of a registration (switch/CONTRACT.md); a name that is no alias is a scanner's."""
    known = alias in ALIASES
    came = received_from(alias, 0, 1) if known else ""
    return {
        "action": action,
        "alias": alias,
        "contact": f"<{contact_of(alias)}>" if known else f"<sip:{alias}@192.0.2.230:5060>",
        "received": came,
        "user_agent": agent_of(alias) if known else "friendly-scanner",
        "expires": f"{at + EXPIRES:.6f}" if action in {"registered", "refreshed"} else 0,
        "call_id": f"{chance.getrandbits(64):016x}",
        "source": came.partition(":")[0] or "192.0.2.230",
        "port": int(came.partition(":")[2] or 5060),
        "transport": "udp",
        "reason": reason,
        "v": 1,
        "switch": switch,
        "attempt": str(uuid.UUID(int=chance.getrandbits(128))),
        "seq": 0,
        "at": f"{at:.6f}",
        "started": f"{at:.6f}",
        "type": "registration",
    }


def _times(chance: random.Random, start: float, end: float, every: float) -> list[float]:
    """Return times about ``every`` seconds apart."""
    times = []
    at = start + chance.random() * every
    while at < end:
        times.append(at)
        at += chance.uniform(0.5, 1.5) * every
    return times
