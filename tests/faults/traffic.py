"""Calls under which a fault happens: 20 a second from one provider, most answered, some refused, each one followed."""

import re
import subprocess
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.switch.network import ACME, Line, Network
from tests.switch.phone import Message
from tests.switch.sipp import ALERTING, Carrier, expect, fragment, hang_up, invite, pause

ANSWERED_RATE, REFUSED_RATE = 17, 3
# Longer than the switch takes to keep a new dialog, so that a fault also meets calls that it must know afterwards.
TALK_SECONDS = 3.0
# What a caller has patience for before it counts a call as failed; a provider's switch would try elsewhere sooner.
PATIENCE = 12.0
REFUSAL = 404
# Whatever a call is refused with, its caller acknowledges, or it would be asked again and again.
REFUSALS = (400, 403, 404, 408, 480, 481, 486, 487, 500, 503, 603)
REFUSED = "".join(f'<recv response="{code}" optional="true" next="1"/>' for code in REFUSALS)
REFUSED_BYE = "".join(f'<recv response="{code}" optional="true" next="2"/>' for code in REFUSALS)
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


@dataclass
class Traffic:
    """Two SIPp processes that call for a time, one to a phone, one to a number that rings nowhere."""

    server: tuple[str, int]
    folder: Path
    seconds: float
    _running: list[tuple[int, subprocess.Popen[bytes], Path]] = field(default_factory=list)

    def start(self, network: Network, line: Line) -> None:
        """Begin calling."""
        talk = [REFUSED, expect(200, timeout=PATIENCE), fragment("ack", cseq=1), pause(TALK_SECONDS)]
        over = [*hang_up()[:1], REFUSED_BYE, expect(200, timeout=PATIENCE).replace("<recv", '<recv next="2"')]
        refusal = ['<label id="1"/>', fragment("ack_refusal"), '<label id="2"/>']
        answered = [invite(), *ALERTING, *talk, *over, *refusal]
        refused = [invite(), *ALERTING, REFUSED, expect(200, timeout=PATIENCE), '<label id="1"/>', refusal[1]]
        carrier = Carrier(self.server, ACME, self.folder)
        for wanted, steps, number, rate in (
            (200, answered, line.number, ANSWERED_RATE),
            (REFUSAL, refused, network.unmapped, REFUSED_RATE),
        ):
            calls = round(rate * self.seconds)
            # Many may be open at once while nothing answers; SIPp would else call less.
            run = carrier.start(steps, number, calls=calls, rate=rate, options=("-l", str(calls)))
            self._running.append((wanted, run.process, run.trace))

    def stop(self) -> None:
        """End what still calls."""
        for _, process, _ in self._running:
            if process.poll() is None:
                process.kill()
                process.wait(30)

    def calls(self) -> list[Call]:
        """Wait for the end of all calls and return them."""
        found: list[Call] = []
        for wanted, process, trace in self._running:
            process.wait(90)
            found += read_calls(trace.read_text(errors="replace"), wanted)
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
