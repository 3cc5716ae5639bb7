"""What happens on the demo's lines: each kind of call, where it comes from, what it dials, and what the phone does.

A situation does not say how the call ends: that is judged, in the past by the worker's evaluation, live by the
switch and its deciders. One table serves both, so that a live call looks like those of the two weeks before.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from demo.cast import HOTLINE_NUMBER, LAKESHORE, NORTHGATE


class Manner(StrEnum):
    """What phone and caller do once the phone has the call."""

    TALK = "talk"
    RING_OUT = "ring out"
    BUSY = "busy"
    DECLINE = "decline"
    FAIL = "fail with an error"
    CANCEL = "cancel"
    SILENT = "silent"
    CANCEL_SILENT = "cancel a silent phone"
    # What needs a fault that nobody plays live: these belong to the past.
    VANISH = "vanish in the call"
    RUN_OUT = "run out of funds"
    UNMETERED = "no meter"
    OUTLAST = "talk until the funds end"
    LOSE = "lose the switch"
    UNDECIDED = "no decider"
    UNFUNDED = "no database"
    UNRELAYED = "no relay"

    @property
    def is_fault(self) -> bool:
        """Whether something of the operator's own was broken."""
        return self in {Manner.LOSE, Manner.UNDECIDED, Manner.UNFUNDED, Manner.UNRELAYED, Manner.UNMETERED}


@dataclass(frozen=True)
class Source:
    """Addresses from which calls come, then and now, and how the number is written there."""

    past: tuple[str, ...]
    live: tuple[str, ...]
    form: str = "{}"
    agent: str = "Oracle SBC"


SOURCES = {
    NORTHGATE: Source(("203.0.113.4", "203.0.113.5", "203.0.113.17"), ("127.0.30.4", "127.0.30.5")),
    "northgate, national": Source(("203.0.113.6",), ("127.0.30.6",), form="national"),
    "northgate, old SBC": Source(("203.0.113.200",), ("127.0.30.200",)),
    "northgate, test bed": Source(("198.51.100.10",), ("127.0.30.40",)),
    "northgate, new address": Source(("203.0.113.70",), ("127.0.30.20",)),
    LAKESHORE: Source(("198.51.100.34", "198.51.100.35"), ("127.0.31.2", "127.0.31.3"), agent="Ribbon SBC 9.2"),
    "lakeshore, backup": Source(("198.51.100.60",), ("127.0.31.40",), agent="Ribbon SBC 9.2"),
    "meridian": Source(("192.0.2.20",), ("127.0.32.1",), agent="Sansay VSXi"),
    "transit": Source(("192.0.2.70",), ("127.0.33.1",), agent="Sansay VSXi"),
    "scanner": Source(("192.0.2.230",), ("127.0.39.66",), agent="friendly-scanner"),
}


@dataclass(frozen=True)
class Situation:
    """One kind of call. ``weight``: how often, against the others; ``calls``: how many at the same time."""

    name: str
    weight: int
    source: str
    numbers: tuple[str, ...]
    manner: Manner = Manner.TALK
    calls: int = 1

    @property
    def playable(self) -> bool:
        """Whether it can be played live."""
        return not self.manner.is_fault and self.manner not in {Manner.VANISH, Manner.RUN_OUT}


# Ringing phones, by how much they are called.
BUSY_LINES = (
    "442079460010", "442079460010", "442079460010", "442079460013", "442079460013", "442079460014", "442079460015",
    "442079460015", "442079460018", "442079460018", "442079460011", "442079460021", "442079460020", "448081570300",
)  # fmt: skip
RECEPTION, FINCH, DESK, ARCHIVE = "442079460010", "442079460011", "442079460013", "442079460012"

USUAL = (
    Situation("answered", 300, NORTHGATE, BUSY_LINES),
    Situation("answered, national format", 40, "northgate, national", BUSY_LINES[:9]),
    Situation("answered, from Chicago", 60, LAKESHORE, ("13125550110", "13125550111")),
    Situation("nobody there", 45, NORTHGATE, (DESK, FINCH, "442079460021"), Manner.RING_OUT),
    Situation("caller gives up", 30, NORTHGATE, (RECEPTION, DESK, "442079460018"), Manner.CANCEL),
    Situation("engaged", 22, NORTHGATE, (FINCH, "442079460015"), Manner.BUSY),
    Situation("not now", 12, NORTHGATE, (FINCH, RECEPTION), Manner.DECLINE),
    Situation("phone not registered", 16, NORTHGATE, ("442079460016",)),
    Situation("phone behind a closed NAT", 9, NORTHGATE, (ARCHIVE,), Manner.SILENT),
    Situation("caller gives up on a silent phone", 4, NORTHGATE, (ARCHIVE,), Manner.CANCEL_SILENT),
)
WRONG = (
    Situation("provider's new address", 4, "northgate, new address", (RECEPTION, DESK)),
    Situation("scanner", 3, "scanner", ("100", "00972592277524", "9011442079460010"), calls=3),
    Situation("carrier without credit", 3, "meridian", (RECEPTION, "442079460103")),
    Situation("no DID provider", 2, "transit", ("442079460015",)),
    Situation("old address, disabled", 3, "northgate, old SBC", (RECEPTION, "442079460015")),
    Situation("tech prefix missing", 2, "northgate, test bed", (RECEPTION,)),
    Situation("number of letters", 1, NORTHGATE, ("reception",)),
    Situation("unknown number", 6, NORTHGATE, ("442079460099", "441614960188")),
    Situation("other carrier's number", 3, NORTHGATE, ("13125550112",)),
    Situation("suspended number", 4, NORTHGATE, ("442079460023",)),
    Situation("number in quarantine", 3, NORTHGATE, ("442079460024",)),
    Situation("retired number", 2, NORTHGATE, ("442079460025",)),
    Situation("number nobody has", 6, NORTHGATE, ("441614960102", "441614960103")),
    Situation("phone out of use", 2, NORTHGATE, ("442079460022",)),
    Situation("shop that did not pay", 6, NORTHGATE, ("442079460020",)),
    Situation("no rate", 2, LAKESHORE, ("16465550123",)),
    Situation("blocked number", 2, LAKESHORE, ("13125550199",)),
    Situation("account's product without rate", 2, NORTHGATE, ("448081570301",)),
    Situation("account without funds", 4, NORTHGATE, ("442079460017",)),
    Situation("one call too many for the backup trunk", 2, "lakeshore, backup", ("13125550110",), calls=2),
    Situation("one call too many for the number", 2, NORTHGATE, ("441614960101",), calls=2),
    Situation("one call too many for the account", 2, NORTHGATE, ("442079460018",), calls=5),
    Situation("longer than allowed", 4, NORTHGATE, ("442079460019",)),
    Situation("phone without the carrier's codecs", 2, NORTHGATE, ("442079460015",), Manner.FAIL),
    Situation("phone loses power in the call", 2, NORTHGATE, ("442079460015",), Manner.VANISH),
    Situation("funds end in the call", 2, NORTHGATE, ("448081570300",), Manner.RUN_OUT),
)
# What only the present has: the operator pays as much as a minute costs, the switch ends the call as that is used up.
LIVE = (Situation("a prepaid call outlasts its funds", 2, NORTHGATE, (HOTLINE_NUMBER,), Manner.OUTLAST),)
# Once in the two weeks, with the share of them at which it happens.
INCIDENTS = (
    (0.35, Situation("deciders restarted", 0, NORTHGATE, (RECEPTION, "442079460015"), Manner.UNDECIDED, calls=2)),
    (0.48, Situation("relay restarted", 0, NORTHGATE, (ARCHIVE,), Manner.UNRELAYED)),
    (0.62, Situation("database away", 0, NORTHGATE, ("442079460018", "442079460015"), Manner.UNFUNDED, calls=2)),
    (0.78, Situation("switch lost power", 0, NORTHGATE, (RECEPTION, DESK), Manner.LOSE, calls=2)),
    (0.63, Situation("database away for long", 0, NORTHGATE, ("448081570300",), Manner.UNMETERED)),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """One call about to be made; ``at`` in epoch seconds, the rest in seconds."""

    situation: Situation
    at: float
    source: str
    number: str
    caller: str
    agent: str
    rings: float
    talks: float
    by: str
    token: str

    @property
    def over_by(self) -> float:
        """When the call is over, whatever becomes of it."""
        return self.at + self.rings + self.talks + 60


# Beginnings of numbers, with how many digits follow: mobiles, Leeds, Liverpool, Bristol; New York, San Francisco.
CALLERS = (("447700900", 3), ("441134960", 3), ("441514960", 3), ("441174960", 3), ("1212555010", 1), ("1415555010", 1))


def plan_calls(chance: random.Random, situation: Situation, at: float, *, live: bool = False) -> list[Plan]:
    """Return the calls of one occurrence of a situation, the first at ``at``, the others a little later."""
    source = SOURCES[situation.source]
    addresses: Sequence[str] = source.live if live else source.past
    together = situation.calls > 1
    plans = []
    for index in range(situation.calls):
        number = chance.choice(situation.numbers)
        prefix, digits = chance.choice(CALLERS)
        # A talk is short or long, seldom very long; calls that shall meet last long enough to do so.
        talks = 25 + 20 * chance.random() if together else min(1500.0, chance.lognormvariate(4.2, 0.9))
        if live and not together:
            talks = min(talks, 90.0)
        plans.append(
            Plan(
                situation,
                round(at + index * chance.uniform(1.2, 2.4), 6),
                chance.choice(addresses),
                "0" + number[2:] if source.form == "national" and number.startswith("44") else number,
                prefix + str(chance.randrange(10**digits)).zfill(digits),
                source.agent,
                rings=min(20.0, chance.lognormvariate(1.6, 0.5)),
                talks=round(75.0 if situation.name == "longer than allowed" else max(2.0, talks), 3),
                by="callee" if chance.random() < 0.4 else "caller",
                token=f"{chance.getrandbits(128):032x}",
            )
        )
    return plans
