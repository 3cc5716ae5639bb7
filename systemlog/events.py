"""Read the switch's events: parse, validate and bound what came over a network (switch/CONTRACT.md).

Whatever a SIP message carried may stand in an event's strings. Nothing here trusts a length, a type, a number's size
or an encoding; what PostgreSQL cannot store (NUL, lone surrogates) is replaced, what is too long is cut.
"""

import datetime as dt
import ipaddress
import json
import math
import re
import uuid
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

MAX_EVENT_BYTES = (
    128 * 1024
)  # A traced SIP message fills at most one UDP datagram (64 KiB), escaped at worst twice that.
MAX_STRING = 256
MAX_MESSAGE = 65_536
MAX_ITEMS = 200
MAX_DEPTH = 6
MAX_INTEGER = 2**31 - 1
UUID_LENGTH = 36

SWITCH_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
EVENT_TYPE = re.compile(r"[a-z][a-z_]{0,23}")
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Events are of the present: a time outside this span is a broken clock or a forgery, and would only make partitions.
EARLIEST = Decimal(1_577_836_800)  # 2020-01-01
LATEST = Decimal(4_102_444_800)  # 2100-01-01
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class InvalidEvent(ValueError):
    """An event that breaks the contract; it will not get better by trying again."""


@dataclass(frozen=True, slots=True)
class Event:
    """One valid event; ``body`` holds its own fields beside the envelope, strings bounded and storable."""

    id: str
    switch: str
    attempt: uuid.UUID
    type: str
    seq: int
    at: dt.datetime
    started: dt.datetime
    body: dict[str, Any]

    @property
    def call(self) -> dict[str, Any]:
        """Return the INVITE's parts, which attempt and decision carry; empty otherwise."""
        call = self.body.get("call")
        return call if isinstance(call, dict) else {}

    def text(self, name: str, limit: int = MAX_STRING) -> str:
        return text_of(self.body.get(name), limit)

    def integer(self, name: str) -> int | None:
        return integer_of(self.body.get(name))

    def time(self, name: str) -> dt.datetime | None:
        """Return a time field; None where it is absent, null, empty, zero or unreadable.

        Only the envelope's times must be right: the event needs no more to be worth keeping (``unreadable_times``).
        """
        value = self.body.get(name)
        try:
            return parse_time(value, name) if value not in (None, "", 0, "0") else None
        except InvalidEvent:
            return None

    def unreadable_times(self) -> list[str]:
        """Return the time fields that hold something, but no time."""
        return [name for name in TIMES if self.body.get(name) not in (None, "", 0, "0") and self.time(name) is None]


def parse_event(raw: bytes | str) -> Event:
    """Return the event that one line of JSON holds; raise InvalidEvent where it breaks the contract."""
    if len(raw) > MAX_EVENT_BYTES:
        raise InvalidEvent(f"event of {len(raw)} bytes, more than {MAX_EVENT_BYTES}")
    if isinstance(raw, bytes):
        raw = raw.decode("utf-8", "replace")
    try:
        data = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidEvent(f"not JSON: {error}") from None
    return event_of(data)


def event_of(data: Any) -> Event:
    """Return the event in an already decoded JSON value; raise InvalidEvent where it breaks the contract."""
    if not isinstance(data, dict):
        raise InvalidEvent("not a JSON object")
    if data.get("v") != 1:
        raise InvalidEvent(f"version {str(data.get('v'))[:20]!r} of the contract is unknown")
    switch, kind, seq = data.get("switch"), data.get("type"), data.get("seq")
    if not isinstance(switch, str) or not SWITCH_NAME.fullmatch(switch):
        raise InvalidEvent("switch: 1 to 64 letters, digits, dots, hyphens and underscores")
    if not isinstance(kind, str) or not EVENT_TYPE.fullmatch(kind):
        raise InvalidEvent("type: 1 to 24 small letters and underscores")
    if not isinstance(seq, int) or isinstance(seq, bool) or not 0 <= seq <= MAX_INTEGER:
        raise InvalidEvent("seq: a whole number from 0")
    try:
        attempt = _attempt_of(str(data.get("attempt")))
    except ValueError:
        raise InvalidEvent("attempt: a UUID") from None
    body = {
        key: bounded(value, MAX_MESSAGE if key == "message" else MAX_STRING)
        for key, value in list(data.items())[:MAX_ITEMS]
        if key not in ENVELOPE
    }
    return Event(
        id=f"{switch}:{attempt}:{kind}:{seq}",
        switch=switch,
        attempt=attempt,
        type=kind,
        seq=seq,
        at=parse_time(data.get("at"), "at"),
        started=parse_time(data.get("started"), "started"),
        body={storable(key, 64): value for key, value in body.items()},
    )


def _attempt_of(text: str) -> uuid.UUID:
    return _same_uuid(text) if len(text) == UUID_LENGTH else uuid.UUID(text)


@lru_cache(maxsize=8192)
def _same_uuid(text: str) -> uuid.UUID:
    """Return one object for all events of a call: dictionaries then find it by identity, not by a slow comparison."""
    return uuid.UUID(text)


TIMES = ("rang", "answered", "expires")
ENVELOPE = {"v", "switch", "attempt", "type", "seq", "at", "started"}


def parse_time(value: Any, name: str) -> dt.datetime:
    """Return the instant that epoch seconds in a string or number name, exact to the microsecond."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or len(str(value)) > 32:
        raise InvalidEvent(f"{name}: epoch seconds, such as 1732345678.123456")
    try:
        seconds = Decimal(str(value))
    except InvalidOperation:
        raise InvalidEvent(f"{name}: epoch seconds, such as 1732345678.123456") from None
    if not seconds.is_finite() or not EARLIEST <= seconds <= LATEST:
        raise InvalidEvent(f"{name}: {str(value)[:32]!r} is not a time of our days")
    return EPOCH + dt.timedelta(microseconds=int(seconds * 1_000_000))


def bounded(value: Any, limit: int, depth: int = MAX_DEPTH) -> Any:
    """Return a JSON value with every string storable and cut, lists and objects bounded in size and depth.

    An opaque value too deep becomes null: the fields this portal reads are shallow.
    """
    if isinstance(value, str):
        return storable(value, limit)
    if isinstance(value, dict | list) and not depth:
        return None
    if isinstance(value, dict):
        return {storable(key, 64): bounded(item, limit, depth - 1) for key, item in list(value.items())[:MAX_ITEMS]}
    if isinstance(value, list):
        return [bounded(item, limit, depth - 1) for item in value[:MAX_ITEMS]]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**63 - 1:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def storable(text: str, limit: int) -> str:
    """Return text that PostgreSQL can keep: no NUL, no lone surrogate, no longer than ``limit``."""
    text = text[:limit]
    # Nearly every string passes here, at a tenth of the expression's price.
    if text.isascii() and "\x00" not in text:
        return text
    return UNSTORABLE.sub("\ufffd", text)


def text_of(value: Any, limit: int = MAX_STRING) -> str:
    """Return a string field; empty where it is absent or of another type."""
    return value[:limit] if isinstance(value, str) else ""


def integer_of(value: Any) -> int | None:
    """Return a small non-negative whole number, also of digits in a string; None where there is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_INTEGER:
        return None
    return value


def address_of(value: Any) -> str | None:
    """Return an IP address in its usual form, an IPv4-mapped IPv6 one as IPv4; None where it is none."""
    try:
        address = ipaddress.ip_address(text_of(value, 64).strip("[]"))
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    # A zone (fe80::1%eth0) means something on the switch only, and PostgreSQL's inet refuses it.
    return str(mapped or address).partition("%")[0]


def endpoint_of(value: Any) -> str:
    """Return ``address:port`` as people write it, IPv6 shortened and in brackets (RFC 5952 §6), of that or of a URI.

    What is neither is returned as it is: the page shows what the switch said.
    """
    text = text_of(value, 64)
    host, _, port = text.removeprefix("sip:").partition(";")[0].rpartition(":")
    address = address_of(host)
    if address is None or not port.isdigit():
        return text
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _refuse_constant(name: str) -> None:
    raise InvalidEvent(f"not JSON: {name}")
