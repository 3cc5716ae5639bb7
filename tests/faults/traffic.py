"""Calls under which a fault happens: 20 a second from one provider, most answered, some refused, each one followed."""

import re
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.switch.network import ACME, Line, Network
from tests.switch.phone import Message
from tests.switch.sipp import ALERTING, Carrier, expect, fragment, hang_up, invite, pause

ANSWERED_RATE, REFUSED_RATE = 17, 3
RATE = ANSWERED_RATE + REFUSED_RATE
# Longer than the switch takes to keep a new dialog, so that a fault also meets calls that it must know afterwards.
TALK_SECONDS = 3.0
# What a caller has patience for before it counts a call as failed; a provider's switch would try elsewhere sooner.
PATIENCE = 12.0
LONGEST_CALL = PATIENCE + TALK_SECONDS + PATIENCE + 3.0
REFUSAL = 404
# Whatever a call is refused with, its caller acknowledges, or it would be asked again and again.
REFUSALS = (400, 403, 404, 408, 480, 481, 486, 487, 500, 503, 603)
REFUSED = "".join(f'<recv response="{code}" optional="true" next="1"/>' for code in REFUSALS)
REFUSED_BYE = "".join(f'<recv response="{code}" optional="true" next="2"/>' for code in REFUSALS)
TALK = [REFUSED, expect(200), fragment("ack", cseq=1), pause(TALK_SECONDS)]
OVER = [*hang_up()[:1], REFUSED_BYE, expect(200).replace("<recv", '<recv next="2"')]
REFUSAL_ENDS = ['<label id="1"/>', fragment("ack_refusal"), '<label id="2"/>']
ANSWERED = [invite(), *ALERTING, *TALK, *OVER, *REFUSAL_ENDS]
NOT_LET_IN = [invite(), *ALERTING, REFUSED, expect(200), *REFUSAL_ENDS[:2]]
# A run ends when it is told to, and many calls are open at once while nothing answers. SIPp heeds the timeout of a step
# only where none of the optional ones before it has come, and would wait for ever for a call that got its 100.
MANY = 10_000
OPTIONS = ("-l", str(MANY), "-timeout", "300", "-recv_timeout", str(int(PATIENCE * 1000)))
ENTRY = re.compile(r"-{10,} (\d{4}-\d\d-\d\d)[T\s]+(\d\d:\d\d:\d\d\.\d+)\n[^\n]*message (received|sent)[^\n]*:\n\n")


@dataclass
class Call:
    """One call as its caller saw it."""

    call_id: str
    wanted: int  # the final answer it gets where nothing is at fault
    begun: float = 0.0
    heard: bool = False  # any answer of the switch
    final: int = 0
    final_at: float = 0.0
    bye: int = 0
    bye_sent: float = 0.0
    bye_at: float = 0.0
    over: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether it was not answered and hung up, or not refused, as it should be."""
        return self.final != self.wanted or (self.wanted == 200 and self.bye != 200)

    @property
    def waited(self) -> float:
        """Return the seconds to the final answer of INVITE or BYE, the longer; the whole patience without one."""
        bye = (self.bye_at or self.bye_sent + PATIENCE) - self.bye_sent if self.bye_sent else 0.0
        return max(self.final_at - self.begun if self.final_at else PATIENCE, bye)

    @property
    def what(self) -> str:
        """Say how it failed."""
        if self.final != self.wanted:
            return f"INVITE: {self.final or 'no final answer'}"
        return f"BYE: {self.bye or 'no answer'}"


@dataclass(frozen=True)
class Lane:
    """A stream of calls: to which switch, and which line rings."""

    server: tuple[str, int]
    line: Line
    name: str = ""  # where there are several


class Traffic:
    """Two SIPp processes that call until told to finish, one to a phone, one to a number that rings nowhere."""

    def __init__(self, lane: Lane, network: Network, folder: Path) -> None:
        self.lane = lane
        self.begun, self.seconds = time.monotonic(), 0.0
        carrier = Carrier(lane.server, ACME, folder)
        self._running = [
            (wanted, carrier.start(steps, number, calls=MANY, rate=rate, options=OPTIONS))
            for wanted, steps, number, rate in (
                (200, ANSWERED, lane.line.number, ANSWERED_RATE),
                (REFUSAL, NOT_LET_IN, network.unmapped, REFUSED_RATE),
            )
        ]

    def __enter__(self) -> "Traffic":
        return self

    def __exit__(self, *_: object) -> None:
        for _, run in self._running:
            if run.process.poll() is None:
                run.stop()

    def finish(self) -> None:
        """Begin no more calls; those that have begun go on to their end."""
        for _, run in self._running:
            run.process.send_signal(signal.SIGUSR1)
        self.seconds = time.monotonic() - self.begun

    def calls(self) -> list[Call]:
        """Wait for the end of all calls and return them."""
        found: list[Call] = []
        for wanted, run in self._running:
            with suppress(subprocess.TimeoutExpired):
                run.process.wait(LONGEST_CALL)
            run.stop()
            found += read_calls(run.trace.read_text(errors="replace"), wanted)
        return found


def read_calls(trace: str, wanted: int) -> list[Call]:
    """Return the calls that SIPp's trace of messages tells of."""
    calls: dict[str, Call] = {}
    parts = ENTRY.split(trace)
    for day, clock, direction, text in zip(parts[1::4], parts[2::4], parts[3::4], parts[4::4], strict=True):
        message = Message(text.replace("\r\n", "\n").replace("\n", "\r\n"))
        at = datetime.fromisoformat(f"{day} {clock}").timestamp()
        call_id = message.header("Call-ID")
        if direction == "sent" and message.start.startswith("INVITE ") and call_id not in calls:
            calls[call_id] = Call(call_id, wanted, begun=at)
        call = calls.get(call_id)
        if call and direction == "sent" and message.start.startswith("BYE "):
            call.bye_sent = call.bye_sent or at
        if call and direction == "received" and message.is_reply:
            note_reply(call, message, at)
    return list(calls.values())


def note_reply(call: Call, message: Message, at: float) -> None:
    """Keep what an answer tells of its call; of repeated answers the first counts."""
    call.heard = True
    if message.code < 200:
        return
    call.over = at
    if message.method == "INVITE" and not call.final:
        call.final, call.final_at = message.code, at
    elif message.method == "BYE" and not call.bye:
        call.bye, call.bye_at = message.code, at
