"""Events as a switch makes them, for tests that need no switch (switch/CONTRACT.md)."""

import json
import time
import uuid
from typing import Any

START = 1_763_884_800.0  # 2025-11-23 08:00 UTC


class Call:
    """One inbound call's events, each a dict as the switch writes it."""

    def __init__(self, started: float | None = None, **call: Any) -> None:
        self.attempt = str(uuid.uuid4())
        self.started = started if started is not None else round(time.time() - 60, 6)
        self.call = {
            "attempt": self.attempt,
            "at": stamp(self.started),
            "source": "203.0.113.5",
            "port": 5060,
            "transport": "udp",
            "received_on": "udp:192.0.2.1:5060",
            "ruri": "sip:442079460018@192.0.2.1",
            "to_uri": "sip:442079460018@192.0.2.1",
            "p_called_party_id": "",
            "from_uri": "sip:441632960960@203.0.113.5",
            "call_id": f"{self.attempt}@203.0.113.5",
            "user_agent": "Provider SBC",
        } | call

    def event(self, kind: str, after: float, seq: int = 0, **body: Any) -> dict[str, Any]:
        """Return one event of this call, so many seconds after its start."""
        return {
            "v": 1,
            "switch": "sw1",
            "attempt": self.attempt,
            "type": kind,
            "seq": seq,
            "at": stamp(self.started + after),
            "started": stamp(self.started),
        } | body

    def attempt_event(self) -> dict[str, Any]:
        return self.event("attempt", 0, call=self.call)

    def decision(self, reason: str = "accepted", **body: Any) -> dict[str, Any]:
        decided = {
            "decider": "decider-1",
            "version": None,
            "facts": {},
            "live": {"carrier_account": -1, "did": -1, "account": -1},
            "registered": 1 if reason == "accepted" else -1,
            "number": "442079460018",
            "alias": "",
            "trace": 0,
        }
        return self.event("decision", 0.002, call=self.call, reason=reason, **(decided | body))

    def ringing(self, **body: Any) -> dict[str, Any]:
        return self.event("ringing", 0.2, **({"code": 180, "contact": "sip:u1001@10.0.0.7:5060"} | body))

    def answer(self, **body: Any) -> dict[str, Any]:
        answered = {"contact": "sip:u1001@10.0.0.7:5060", "phone_user_agent": "Desk phone 1"}
        return self.event("answer", 3, **(answered | body))

    def end(self, reason: str = "completed", after: float = 38.5, **body: Any) -> dict[str, Any]:
        ended = {
            "reason": reason,
            "sip": 200,
            "q850": 16,
            "by": "caller",
            "rang": stamp(self.started + 0.2),
            "answered": stamp(self.started + 3),
            "phone_code": 200,
            "phone_reason": "",
            "phone_user_agent": "Desk phone 1",
        }
        return self.event("end", after, **(ended | body))

    def refusal(self, reason: str, sip: int, q850: int, **decision: Any) -> list[dict[str, Any]]:
        """Return all events of a call that was refused before any phone heard of it."""
        end = self.end(
            reason, 0.003, sip=sip, q850=q850, by="switch", rang=None, answered=None, phone_code=0, phone_user_agent=""
        )
        return [self.attempt_event(), self.decision(reason, **decision), end]

    def answered(self, **decision: Any) -> list[dict[str, Any]]:
        """Return all events of a call that was answered and hung up by the caller."""
        return [self.attempt_event(), self.decision(**decision), self.ringing(), self.answer(), self.end()]


def registration(action: str, alias: str, at: float | None = None, **body: Any) -> dict[str, Any]:
    """Return a registration event; a fresh attempt id makes each one its own."""
    now = at if at is not None else time.time()
    told = {
        "action": action,
        "alias": alias,
        "contact": "<sip:u1001@10.0.0.7:5060>;expires=60",
        "received": "198.51.100.7:5060",
        "user_agent": "Desk phone 1",
        "expires": stamp(now + 60) if action in {"registered", "refreshed"} else 0,
        "call_id": "register-1",
        "source": "198.51.100.7",
        "port": 5060,
        "transport": "udp",
        "reason": "",
    }
    return Call(started=now).event("registration", 0, **(told | body))


def stamp(seconds: float) -> str:
    """Return a time as the switch writes it."""
    return f"{seconds:.6f}"


def line(event: dict[str, Any]) -> str:
    """Return an event as one line of JSON."""
    return json.dumps(event, separators=(",", ":"))
