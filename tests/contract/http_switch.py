"""A switch that is no more than an HTTP client, made from switch/CONTRACT.md, section 5, with the standard library."""

import json
import time
import urllib.error
import urllib.request
import uuid
from typing import Any


class Refused(Exception):
    """The portal answered with a problem (RFC 9457)."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem}")
        self.status, self.problem = status, problem


class HttpSwitch:
    """Asks for decisions, obeys them, counts its own calls, and reports what happened."""

    def __init__(self, base: str, token: str) -> None:
        self.base, self.token = base, token
        self.live: dict[str, int] = {}
        self.registered: set[str] = set()

    def post(self, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        """Send JSON and return status and answer; raise Refused for a problem."""
        request = urllib.request.Request(
            f"{self.base}{path}", json.dumps(body).encode(), method="POST",
            headers={"Authorization": f"Token {self.token}", "Content-Type": "application/json"},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            assert error.headers["Content-Type"] == "application/problem+json"
            raise Refused(error.code, json.load(error)) from None

    def invite(self, source: str, number: str, talk: float = 0.0, **parts: Any) -> "Handled":
        """Play one INVITE: judge, count, look for the phone, ring, talk, hang up; report every step."""
        started = time.time()
        attempt = str(uuid.uuid4())
        call = {
            "attempt": attempt, "at": f"{started:.6f}", "source": source, "port": 5060, "transport": "udp",
            "ruri": f"sip:{number}@192.0.2.1", "to_uri": f"sip:{number}@192.0.2.1",
            "from_uri": "sip:441632960960@provider.example", "call_id": f"{attempt}@http", "user_agent": "http",
        } | parts  # fmt: skip
        handled = Handled(attempt, started)
        handled.add("attempt", 0, call=call)
        answer = handled.answer = self.post("/api/v1/inbound/decisions", {"call": call})[1]
        reason, sip, q850, live, registered = self.settle(answer)
        decision = {name: answer[name] for name in answer if not name.startswith("limit_") and name != "reason"}
        handled.add("decision", 0.01, call=call, **decision, reason=reason, live=live, registered=registered)
        if reason == "accepted":
            handled.add("ringing", 0.2, code=180, contact="sip:phone@192.0.2.7")
            handled.add("answer", 1, contact="sip:phone@192.0.2.7", phone_user_agent="http phone")
            handled.add(
                "end", 1 + talk, reason="completed", sip=200, q850=16, by="caller", rang=f"{started + 0.2:.6f}",
                answered=f"{started + 1:.6f}", phone_code=200, phone_reason="", phone_user_agent="http phone",
            )  # fmt: skip
        else:
            handled.add("end", 0.02, reason=reason, sip=sip, q850=q850, by="switch", phone_code=0, phone_reason="")
        handled.status, _ = self.post("/api/v1/switch/events", handled.events)
        return handled

    def settle(self, answer: dict[str, Any]) -> tuple[str, int, int, dict[str, int], int]:
        """Return final reason, codes, counts seen and registration: checks 12 and 14 are a switch's own."""
        live = dict.fromkeys(("carrier_account", "did", "account"), -1)
        if "limit_did" in answer:
            live = {what: self.live.get(f"{what} {answer[f'{what}_id']}", 0) for what in live}
            for what, reason, sip, q850 in (
                ("carrier_account", "carrier_limit", 503, 34), ("did", "did_limit", 486, 17),
                ("account", "account_limit", 486, 17),
            ):  # fmt: skip
                if 0 <= answer[f"limit_{what}"] <= live[what]:
                    return reason, sip, q850, live, -1
        if not answer["accept"]:
            return answer["reason"], answer["sip"], answer["q850"], live, -1
        if answer["alias"] not in self.registered:
            return "not_registered", 487, 20, live, 0
        return "accepted", 200, 16, live, 1


class Handled:
    """One attempt as this switch handled it."""

    def __init__(self, attempt: str, started: float) -> None:
        self.attempt, self.started = attempt, started
        self.answer: dict[str, Any] = {}
        self.events: list[dict[str, Any]] = []
        self.status = 0

    def add(self, kind: str, after: float, **body: Any) -> None:
        """Note one event."""
        self.events.append({
            "v": 1, "attempt": self.attempt, "type": kind, "seq": 0, "at": f"{self.started + after:.6f}",
            "started": f"{self.started:.6f}", **body,
        })  # fmt: skip
