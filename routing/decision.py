"""What goes into an evaluation and what comes out, with their JSON forms.

The JSON form of a decision (its *record*) is stored with the attempt, shown on the call's page and read back for
replay; ``Decision.from_record(decision.record())`` has the same record.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from billing.rating import RateValues

MAX_TEXT = 256
RECORD_FORMAT = 1

CHECK_TITLES = {
    1: "Source address",
    2: "Carrier enabled",
    3: "Carrier is DID provider",
    4: "Carrier credit",
    5: "Number",
    6: "DID",
    7: "DID's carrier",
    8: "DID in service",
    9: "Mapping to an alias",
    10: "Account",
    11: "Price",
    12: "Call limits",
    13: "Funds",
    14: "Registration",
}


class Outcome(StrEnum):
    """How a check ended; unknown means that only the switch or the database could tell, and did not."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_REACHED = "not_reached"


class Ref(NamedTuple):
    """A row of the configuration: enough to link to it and to name it as it was."""

    kind: str
    id: int
    label: str
    version: int

    def record(self) -> dict[str, Any]:
        """Return the row's name as JSON."""
        return {"kind": self.kind, "id": self.id, "label": self.label, "version": self.version}


class Check(NamedTuple):
    """One check: what was compared is ``said`` (a template and its values), rendered only when somebody reads it."""

    number: int
    outcome: Outcome
    said: tuple[Any, ...] = ()
    row: Ref | None = None
    near: str = ""

    @property
    def title(self) -> str:
        """The check's name for people."""
        return CHECK_TITLES[self.number]

    @property
    def words(self) -> str:
        """What was compared, in words."""
        return self.said[0].format(*self.said[1:]) if len(self.said) > 1 else "".join(self.said)

    def record(self) -> dict[str, Any]:
        """Return the check as JSON, without what its number says anyway."""
        record: dict[str, Any] = {"n": self.number, "outcome": self.outcome.value, "words": self.words}
        if self.row:
            record["row"] = self.row.record()
        if self.outcome is Outcome.FAILED:
            record["near"] = self.near
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Check":
        """Read a check back."""
        # One string without values is never taken for a template, so a brace in a carrier's name stays a brace.
        said = (record["words"],) if record["words"] else ()
        return cls(record["n"], Outcome(record["outcome"]), said, read_ref(record.get("row")), record.get("near", ""))


def read_ref(value: Mapping[str, Any] | None) -> Ref | None:
    """Read a row's name back."""
    return Ref(**value) if value else None


@dataclass(frozen=True, slots=True)
class InboundAttempt:
    """One initial INVITE as the switch read it; ``at`` is in µs since the epoch, at the switch."""

    attempt_id: str
    at: int
    source: str
    port: int = 0
    transport: str = ""
    received_on: str = ""
    ruri: str = ""
    to_uri: str = ""
    p_called_party_id: str = ""
    from_uri: str = ""
    call_id: str = ""
    user_agent: str = ""
    switch: str = ""

    @classmethod
    def from_call(cls, call: Mapping[str, Any], switch: str = "") -> "InboundAttempt":
        """Read the ``call`` object of a decision request or event; raises ValueError where it is none.

        Text is cut to 256 characters, as the switch does.
        """
        try:
            texts = {name: str(call.get(name) or "")[:MAX_TEXT] for name in _TEXTS}
            return cls(
                str(call["attempt"])[:64],
                event_microseconds(call["at"]),
                port=int(call.get("port") or 0),
                switch=switch[:64],
                **texts,
            )
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
            raise ValueError(f"not a call: {error!r}") from error


_TEXTS = (
    "source", "transport", "received_on", "ruri", "to_uri", "p_called_party_id", "from_uri", "call_id", "user_agent",
)  # fmt: skip


def event_microseconds(at: Any) -> int:
    """Return an event's time ("1732345678.123456") in µs; exact, unlike a float. Raises ValueError."""
    value = Decimal(str(at))
    if not 0 <= value < 1 << 40:
        raise ValueError(f"no time: {at!r}")
    return int(value.scaleb(6))


@dataclass(slots=True)
class Facts:
    """What only the moment knows. What is missing is unknown, and an unknown fact never lets a paid call in.

    ``credit`` by balance id; ``funds`` by leg; ``live`` calls by what is limited, this one not counted.
    """

    credit: Mapping[int, bool] = field(default_factory=dict)
    funds: Mapping[str, bool | None] = field(default_factory=dict)
    live: Mapping[str, int] = field(default_factory=dict)
    registered: bool | None = None

    @classmethod
    def from_json(cls, body: Any, live: Any = None, registered: Any = None) -> "Facts":
        """Read recorded facts; ``live`` and ``registered`` come from the switch (-1: not looked up).

        What another switch may have garbled is left out, so that it counts as unknown.
        """
        body = body if isinstance(body, Mapping) else {}
        credit, funds = _mapping(body.get("credit")), _mapping(body.get("funds"))
        counts = {str(what): _integer(count) for what, count in _mapping(live).items()}
        there = _integer(registered)
        return cls(
            credit={_integer(key): value for key, value in credit.items() if isinstance(value, bool)},
            funds={str(leg): value for leg, value in funds.items() if isinstance(value, bool)},
            live={what: count for what, count in counts.items() if count >= 0},
            registered=None if there < 0 else bool(there),
        )


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _integer(value: Any) -> int:
    """Return a whole number, also of digits in a string; -1 for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return value if isinstance(value, int) else -1


class FreeBucket(NamedTuple):
    """The free seconds that cover a leg first: of one account and business month, ``granted`` in all.

    ``did_id`` is that of the DID whose own price grants them, None where the account's product does.
    """

    account_id: int
    did_id: int | None
    month: dt.date
    granted: int

    def priced(self) -> dict[str, Any]:
        """Return the bucket as billing's reservations take it."""
        return {
            "account": self.account_id,
            "did": self.did_id,
            "month": self.month.isoformat(),
            "granted": self.granted,
        }


# A year. What sets funds aside reckons in four bytes, which hold what it makes of such steps; no rate is typed or
# imported with longer ones, but one that stood before may have them.
LONGEST_STEP = 366 * 86_400


class Reserve(NamedTuple):
    """Money to set aside for one priced leg: ``amount``, unless free seconds cover some of it.

    ``rate`` says what more of it costs, ``free`` which free seconds pay first; neither is part of the record.
    """

    leg: str
    balance_id: int
    amount: Decimal
    currency: str
    rate: RateValues | None = None
    free: FreeBucket | None = None

    @property
    def reckonable(self) -> bool:
        """Tell whether the database can reckon with the rate's steps."""
        return self.rate is None or max(self.rate.increment, self.rate.minimal_duration) <= LONGEST_STEP

    def priced(self) -> dict[str, Any]:
        """Return the leg as billing's reservations take it."""
        assert self.rate is not None  # only a decision read back from its record has none
        return {
            "leg": self.leg,
            "balance": self.balance_id,
            "currency": self.currency,
            "minute": str(self.rate.rate_minute),
            "call": str(self.rate.rate_call),
            "increment": self.rate.increment,
            "minimal": self.rate.minimal_duration,
            "free": self.free.priced() if self.free else None,
        }


@dataclass(slots=True)
class Decision:
    """The verdict on one attempt, with its reasons and its route."""

    reason: str
    version: int
    checks: list[Check]
    number: str = ""
    carrier: Ref | None = None
    carrier_account: Ref | None = None
    did: Ref | None = None
    alias: Ref | None = None
    account: Ref | None = None
    client: Ref | None = None
    reserve: tuple[Reserve, ...] = ()
    limits: dict[str, int | None] = field(default_factory=dict)
    max_seconds: int = 0
    trace: bool = False
    audio: str = "automatic"
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def accept(self) -> bool:
        """Whether the call may come in."""
        return self.reason == "accepted"

    @property
    def routed(self) -> bool:
        """Whether checks 1 to 11 passed, so that there is a route whose calls are counted against limits."""
        return bool(self.limits)

    def check(self, number: int) -> Check:
        """Return a check by its number."""
        return self.checks[number - 1]

    @property
    def failed(self) -> Check | None:
        """The check that refused the call."""
        return next((check for check in self.checks if check.outcome is Outcome.FAILED), None)

    def record(self) -> dict[str, Any]:
        """Return the decision as JSON."""
        return {
            "v": RECORD_FORMAT,
            "accept": self.accept,
            "reason": self.reason,
            "version": self.version,
            "number": self.number,
            **{name: row.record() if (row := getattr(self, name)) else None for name in PARTIES},
            "reserve": [[*leg[:2], str(leg.amount), leg.currency] for leg in self.reserve],
            "limits": self.limits,
            "max_seconds": self.max_seconds,
            "trace": self.trace,
            "audio": self.audio,
            "facts": self.facts,
            "checks": [check.record() for check in self.checks if check.outcome is not Outcome.NOT_REACHED],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Decision":
        """Read a record back; raises ValueError for one of a format that is not known."""
        if record.get("v") != RECORD_FORMAT:
            raise ValueError(f"unknown record format {record.get('v')!r}")
        checks = [Check.from_record(check) for check in record["checks"]]
        checks += [Check(number, Outcome.NOT_REACHED) for number in range(len(checks) + 1, len(CHECK_TITLES) + 1)]
        return cls(
            reason=record["reason"],
            version=record["version"],
            checks=checks,
            number=record["number"],
            **{name: read_ref(record[name]) for name in PARTIES},
            reserve=tuple(
                Reserve(leg, balance, Decimal(amount), currency) for leg, balance, amount, currency in record["reserve"]
            ),
            limits=record["limits"],
            max_seconds=record["max_seconds"],
            trace=record["trace"],
            audio=record.get("audio", "automatic"),
            facts=record["facts"],
        )


PARTIES = ("carrier", "carrier_account", "did", "alias", "account", "client")
