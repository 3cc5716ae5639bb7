"""A traced call's messages as a ladder: who stands where, and which arrow goes from whom to whom (no drawing here)."""

import datetime as dt
from dataclasses import dataclass

from cdr.models import SipMessage

COLUMN = 260
MARGIN = 120
TOP = 56
STEP = 44


@dataclass(frozen=True)
class Rung:
    """One message: its place in the drawing and its first line."""

    number: int
    title: str
    note: str
    x1: int
    x2: int
    y: int
    colour: str
    after: float
    message: SipMessage

    @property
    def middle(self) -> int:
        return (self.x1 + self.x2) // 2

    @property
    def head(self) -> str:
        """The points of the arrow's head."""
        back = -8 if self.x2 > self.x1 else 8
        return f"{self.x2},{self.y} {self.x2 + back},{self.y - 4} {self.x2 + back},{self.y + 4}"

    @property
    def text_y(self) -> int:
        return self.y - 7


@dataclass(frozen=True)
class Lifeline:
    """One participant: an address and port, and what it is where that is known."""

    name: str
    address: str
    x: int


@dataclass(frozen=True)
class Ladder:
    """The whole drawing."""

    lifelines: list[Lifeline]
    rungs: list[Rung]

    @property
    def width(self) -> int:
        return MARGIN * 2 + COLUMN * max(1, len(self.lifelines) - 1)

    @property
    def height(self) -> int:
        return TOP + STEP * (len(self.rungs) + 1)


def ladder_of(messages: list[SipMessage], started: dt.datetime, names: dict[str, str]) -> Ladder:
    """Place messages, in order; ``names`` says what an address (without port) is called.

    The side that calls stands left, then the switch, then the phone: the order of their first message.
    """
    switches = {m.dst if m.direction == "in" else m.src for m in messages}
    order: list[str] = []
    for message in messages:
        for place in (message.src, message.dst):
            # All sockets of the switch are one participant: it is the switch that receives and sends.
            name = "switch" if place in switches else place
            if name not in order:
                order.append(name)
    x_of = {name: MARGIN + COLUMN * index for index, name in enumerate(order)}

    def x(place: str) -> int:
        return x_of["switch" if place in switches else place]

    rungs = [
        Rung(
            number=index + 1,
            title=first_line(message.message),
            note=cseq(message.message),
            x1=x(message.src),
            x2=x(message.dst),
            y=TOP + STEP * (index + 1),
            colour=colour_of(message.message),
            after=(message.at - started).total_seconds(),
            message=message,
        )
        for index, message in enumerate(messages)
    ]
    lifelines = [
        Lifeline(
            "Switch" if name == "switch" else names.get(host_of(name), "Phone" if index > 1 else "Carrier"),
            ", ".join(sorted(switches)) if name == "switch" else name,
            x_of[name],
        )
        for index, name in enumerate(order)
    ]
    return Ladder(lifelines, rungs)


def first_line(message: str) -> str:
    """Return what a message is: the method with its URI's user, or code and phrase."""
    line = message.partition("\n")[0].strip()
    if line.startswith("SIP/2.0 "):
        return line[8:60]
    return line.removesuffix(" SIP/2.0")[:60]


def cseq(message: str) -> str:
    """Return the CSeq of a message, which tells answers of one transaction from those of another."""
    for line in message.splitlines()[1:]:
        name, _, value = line.partition(":")
        if not line.strip():
            break
        if name.strip().lower() == "cseq":
            return value.strip()[:40]
    return ""


def colour_of(message: str) -> str:
    """Return a colour by the kind of message: requests, provisional answers, success, failure."""
    line = message.partition("\n")[0]
    if not line.startswith("SIP/2.0 "):
        return "request"
    return {"1": "provisional", "2": "success"}.get(line[8:9], "failure")


def host_of(place: str) -> str:
    """Return the address of ``address:port``."""
    return place.rpartition(":")[0].strip("[]")
