"""The switch of the past: makes of a planned call the events that Kamailio would have made of it (switch/CONTRACT.md).

The decision is the product's own evaluation with the configuration in force at that time. Limits are counted over the
calls that were up, and the phone is looked for among those that were registered, as switch/inbound.cfg does.
"""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from demo.cast import agent_of
from demo.phones_then import contact_of, received_from
from demo.situations import Manner, Plan
from routing.answers import answer
from routing.decision import Decision, Facts, InboundAttempt
from routing.evaluation import evaluate
from routing.loader import load_funds
from routing.reasons import reason as reason_of
from routing.snapshot import Snapshot

Event = dict[str, Any]
LIMITS = ("carrier_account", "did", "account")
LIMIT_REASONS = {"carrier_account": "carrier_limit", "did": "did_limit", "account": "account_limit"}
NO_RESPONSE_SECONDS, NO_ANSWER_SECONDS, GIVE_UP_SECONDS = 6.0, 25.0, 4.0


@dataclass
class PastSwitch:
    """One switch with its live calls; give it the calls in the order of time."""

    name: str
    host: str
    lost_since: float
    credit: dict[int, bool] = field(default_factory=dict)
    live: list[tuple[float, dict[str, int]]] = field(default_factory=list)

    def events(self, plan: Plan, config: Snapshot) -> list[Event]:
        """Return every event of one call."""
        return _Call(self, plan, config).play()

    def counts(self, at: float, route: dict[str, int]) -> dict[str, int]:
        """Return how many calls were up at that time on the same carrier account, DID and account."""
        self.live = [(end, other) for end, other in self.live if end > at]
        return {what: sum(other[what] == route[what] for _, other in self.live) for what in LIMITS}


class _Call:
    def __init__(self, switch: PastSwitch, plan: Plan, config: Snapshot) -> None:
        self.switch, self.plan, self.config = switch, plan, config
        self.manner = plan.situation.manner
        self.attempt = str(uuid.UUID(plan.token))
        self.decider = f"decider-{1 + int(plan.token[0], 16) % 2}"
        self.call = {
            "attempt": self.attempt,
            "at": stamp(plan.at),
            "source": plan.source,
            "port": 5060,
            "transport": "udp",
            "received_on": f"udp:{switch.host}:5060",
            "ruri": f"sip:{plan.number}@{switch.host}",
            "to_uri": f"sip:{plan.number}@{switch.host}",
            "p_called_party_id": "",
            "from_uri": f"sip:+{plan.caller}@{plan.source}",
            "call_id": f"{plan.token[:20]}@{plan.source}",
            "user_agent": plan.agent,
        }
        self.made: list[Event] = [self.event("attempt", 0, call=self.call)]

    def event(self, kind: str, after: float, **body: Any) -> Event:
        envelope = {
            "v": 1,
            "switch": self.switch.name,
            "attempt": self.attempt,
            "seq": 0,
            "at": stamp(self.plan.at + after),
            "started": stamp(self.plan.at),
            "type": kind,
        }
        return envelope | body

    def play(self) -> list[Event]:
        if self.manner is Manner.UNDECIDED:
            self.decided("no_decision", {"decider": "", "facts": {}}, {}, -1, after=1.0)
            return self.refused("no_decision", after=1.001)
        decision = self.judged()
        told = answer(decision, self.config.policy, self.decider)
        verdict, live, registered = decision.reason, {}, -1
        # A decision carries the limits exactly when the call came as far as check 12.
        if decision.limits:
            route = {what: told[f"{what}_id"] for what in LIMITS}
            live = self.switch.counts(self.plan.at, route)
            reached = [what for what in LIMITS if 0 <= told[f"limit_{what}"] <= live[what]]
            if reached:
                verdict = LIMIT_REASONS[reached[0]]
            elif decision.accept:
                registered = int(is_registered(told["alias"], self.plan.at, self.switch.lost_since))
                verdict = "accepted" if registered else "not_registered"
        self.decided(verdict, told, live, registered, after=0.0021)
        if verdict != "accepted":
            return self.refused(verdict, after=0.0026)
        self.ring(told, route)
        return self.made

    def judged(self) -> Decision:
        """Ask as a decider does: credit first, then funds where the call has a price."""
        attempt = InboundAttempt.from_call(self.call, self.switch.name)
        facts = Facts(credit=self.switch.credit)
        decision = evaluate(attempt, self.config, facts, explain=False)
        if decision.reserve and self.manner is not Manner.UNFUNDED:
            with connection.cursor() as cursor:
                found = load_funds(cursor, decision.reserve, self.config.policy.reservation_seconds)
            facts.funds = {leg: funds.enough for leg, funds in found.items()}
            decision = evaluate(attempt, self.config, facts, explain=False)
        return decision

    def decided(
        self, verdict: str, told: dict[str, Any], live: dict[str, int], registered: int, *, after: float
    ) -> None:
        fields = (
            "decider", "version", "facts", "number", "alias", "alias_id", "account_id", "did_id", "carrier_id",
            "carrier_account_id", "max_seconds",
        )  # fmt: skip
        body = {name: told[name] for name in fields if name in told}
        body |= {"live": {what: live.get(what, -1) for what in LIMITS}, "registered": registered, "trace": 0}
        self.made.append(self.event("decision", after, call=self.call, reason=verdict, **body))

    def refused(self, verdict: str, *, after: float) -> list[Event]:
        self.end(verdict, after, by="switch")
        return self.made

    def end(self, code: str, after: float, *, by: str, **body: Any) -> None:
        known = reason_of(code)
        fields = {"reason": code, "sip": known.sip, "q850": known.q850, "by": by, "phone_code": 0, "phone_reason": ""}
        self.made.append(self.event("end", after, **(fields | body)))

    # Check 15: the phone.

    def ring(self, told: dict[str, Any], route: dict[str, int]) -> None:
        plan, alias = self.plan, told["alias"]
        if self.manner is Manner.UNRELAYED:
            self.end("relay_unavailable", 1.0, by="switch")
            return
        if self.manner is Manner.SILENT:
            self.end("no_response", NO_RESPONSE_SECONDS, by="switch")
            return
        if self.manner is Manner.CANCEL_SILENT:
            self.end("cancelled_no_response", GIVE_UP_SECONDS, by="caller")
            return
        rang, agent = 0.12, agent_of(alias)
        phone: dict[str, Any] = {"rang": stamp(plan.at + rang), "phone_user_agent": agent}
        contact = contact_of(alias)
        self.made.append(self.event("ringing", rang, code=180, contact=contact))
        match self.manner:
            case Manner.RING_OUT:
                self.end("no_answer", NO_ANSWER_SECONDS, by="switch", **phone)
                return
            case Manner.CANCEL:
                self.end("cancelled", rang + plan.rings, by="caller", phone_code=487, **phone)
                return
            case Manner.BUSY:
                self.end("busy", rang + 0.2, by="callee", phone_code=486, phone_reason="", **phone)
                return
            case Manner.FAIL:
                self.end("phone_failed", rang + 0.2, by="callee", phone_code=488, phone_reason="", **phone)
                return
            case Manner.DECLINE:
                self.end("declined", rang + plan.rings, by="callee", phone_code=603, **phone)
                return
        answered = rang + plan.rings
        self.made.append(self.event("answer", answered, contact=contact, phone_user_agent=agent))
        # The end of a lost call never comes; the worker finds out.
        if self.manner is not Manner.LOSE:
            self.talk(answered, float(told["max_seconds"]), phone, route)

    def talk(self, answered: float, most: float, phone: dict[str, Any], route: dict[str, int]) -> None:
        """End an answered call, for whatever reason; until then it counts on its route."""
        plan = self.plan
        talks = min(plan.talks, most)
        phone |= {"answered": stamp(plan.at + answered), "phone_code": 200}
        reason, by = "completed", plan.by
        if self.manner is Manner.VANISH:
            reason, by = "peer_vanished", "switch"
        elif self.manner is Manner.RUN_OUT:
            reason, by = "funds_ended", "switch"
            phone["lacking"] = "account"
        elif self.manner is Manner.UNMETERED:
            reason, by = "meter_lost", "switch"
        elif talks < plan.talks:
            reason, by = "max_duration", "switch"
        self.end(reason, answered + talks, by=by, **phone)
        self.switch.live.append((plan.at + answered + talks, route))


def is_registered(alias: str, at: float, lost_since: float) -> bool:
    """Whether the phone of an alias was registered at that time."""
    return received_from(alias, at, lost_since) != ""


def stamp(seconds: float) -> str:
    """Return a time as the switch writes it."""
    return f"{seconds:.6f}"


def line(event: Event) -> str:
    """Return an event as it stands in the stream."""
    return json.dumps(event, separators=(",", ":"))
