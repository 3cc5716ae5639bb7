"""Carriers played by SIPp: scenarios are composed from the fragments in scenarios/, one fragment per SIP message."""

import re
import subprocess
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from string import Template
from uuid import uuid4

from tests.switch.phone import Message

FRAGMENTS = Path(__file__).parent / "scenarios"
_numbers = count(1)


def fragment(name: str, **values: object) -> str:
    """Return a fragment with its $words filled in; a line that stays empty is dropped, headers may not hold one."""
    text = Template((FRAGMENTS / f"{name}.xml").read_text()).substitute(values)
    return text.replace("\n\nContent-", "\nContent-")


def expect(code: int, *, optional: bool = False, timeout: float | None = None) -> str:
    """Wait for an answer; a 2xx gives the route set of what follows."""
    attributes = ' optional="true"' if optional else ""
    attributes += ' rrs="true"' if 200 <= code < 300 else ""
    attributes += f' timeout="{int(timeout * 1000)}"' if timeout else ""
    return f'<recv response="{code}"{attributes}/>'


def expect_request(method: str, timeout: float = 20) -> str:
    return f'<recv request="{method}" timeout="{int(timeout * 1000)}"/>'


def pause(seconds: float) -> str:
    return f'<pause milliseconds="{int(seconds * 1000)}"/>'


def invite(extra: str = "", to: str = "[number]") -> str:
    return fragment("invite", extra=extra, to=to)


ALERTING = [expect(code, optional=True) for code in (100, 180, 183)]


def refused(code: int) -> list[str]:
    """Return an attempt that gets exactly this final answer."""
    return [invite(), *ALERTING, expect(code), fragment("ack_refusal")]


def talking(seconds: float, *, extra: str = "", to: str = "[number]") -> list[str]:
    """Return an answered call up to its ACK and some time of talking."""
    # SIPp takes what comes in a pause, however short, for unexpected.
    talk = [pause(seconds)] if seconds else []
    return [invite(extra, to), *ALERTING, expect(200), fragment("ack", cseq=1), *talk]


def talking_or_refused(code: int, seconds: float = 0.3) -> list[str]:
    """Return a call that may go either way: answered and hung up, or refused with this code."""
    refusal = f'<recv response="{code}" optional="true" next="1"/>'
    answered = [
        expect(200),
        fragment("ack", cseq=1),
        pause(seconds),
        fragment("in_dialog", method="BYE", cseq=2, extra=""),
    ]
    ended = ['<recv response="200" next="2"/>', '<label id="1"/>', fragment("ack_refusal"), '<label id="2"/>']
    return [invite(), *ALERTING, refusal, *answered, *ended]


def hang_up(cseq: int = 2) -> list[str]:
    return [fragment("in_dialog", method="BYE", cseq=cseq, extra=""), expect(200)]


def hung_up_by_other(timeout: float = 20) -> list[str]:
    return [expect_request("BYE", timeout), fragment("ok")]


def cancelled_after(seconds: float, *, ringing: bool) -> list[str]:
    """Return a caller who gives up: CANCEL, its 200, and the 487 of the INVITE."""
    wait = [expect(100), expect(180)] if ringing else [expect(100)]
    steps = [invite(), *wait, pause(seconds)]
    # The CANCEL's branch is its INVITE's, which SIPp names by the distance between the two. Its 200 and the INVITE's
    # 487 come in any order.
    steps += [fragment("cancel", back=len(steps)), '<recv response="487" optional="true" next="1"/>']
    steps += [expect(200), expect(487), fragment("ack_refusal"), '<nop next="2"/>']
    return [*steps, '<label id="1"/>', fragment("ack_refusal"), expect(200), '<label id="2"/>']


@dataclass
class Result:
    """How a SIPp run ended, with every message it saw."""

    code: int
    messages: list[Message] = field(default_factory=list)
    errors: str = ""

    def __bool__(self) -> bool:
        return self.code == 0 and not self.refused_unasked

    @property
    def refused_unasked(self) -> bool:
        """Whether a call was refused that should not be.

        SIPp plays along: it leaves the refusal unacknowledged and asks again, until another attempt is let in.
        """
        return bool(re.search(r"on unexpected message .* received 'SIP/2\.0 [3-6]", self.errors))

    @property
    def call_ids(self) -> list[str]:
        """Return the Call-IDs of the calls made, in order; what strays in belongs to an earlier test's dialog."""
        return list(dict.fromkeys(m.header("Call-ID") for m in self.messages if m.start.startswith("INVITE ")))

    @property
    def finals(self) -> list[Message]:
        """Return the final answers to INVITEs, in order."""
        return [m for m in self.messages if m.is_reply and m.method == "INVITE" and m.code >= 200]


class Carrier:
    """One source address from which calls come."""

    def __init__(self, server: tuple[str, int], source: str, folder: Path, *, caller: str = "37129000000") -> None:
        self.server, self.source, self.folder, self.caller = server, source, folder, caller

    def start(
        self,
        steps: list[str],
        number: str,
        *,
        calls: int = 1,
        rate: int = 10,
        options: tuple[str, ...] = (),
    ) -> "Running":
        """Start SIPp on a port of its own and return the running call."""
        run = next(_numbers)
        scenario = self.folder / f"{run}.xml"
        body = "\n".join(steps)
        scenario.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="call">\n{body}\n</scenario>\n')
        host, port = self.server
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        trace = self.folder / f"{run}.msg"
        errors = self.folder / f"{run}.err"
        # -key values may not be empty. -nd: what two workers of the switch hand on in another order (a 180 after its
        # 200, an UPDATE before the ACK) is no end of the call; a refusal that nobody expects is (Result).
        command = ["sipp", target, "-sf", str(scenario), "-i", self.source, "-m", str(calls), "-r", str(rate)]
        command += ["-nostdin", "-nd", "-timeout", "60", "-timeout_error", "-key", "number", number]
        command += ["-key", "caller", self.caller, "-trace_msg", "-message_file", str(trace)]
        # SIPp names calls by its process id, which comes round again within a long run.
        command += ["-cid_str", f"%u-{uuid4().hex}@%s"]
        command += ["-trace_err", "-error_file", str(errors), *options]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder)
        return Running(process, trace, errors)

    def call(self, steps: list[str], number: str, **options: object) -> Result:
        """Run a scenario to its end."""
        return self.start(steps, number, **options).wait()


@dataclass
class Running:
    """A SIPp process that still runs."""

    process: subprocess.Popen
    trace: Path
    errors: Path

    def wait(self, seconds: float = 90) -> Result:
        code = self.process.wait(seconds)
        text = self.trace.read_text(errors="replace") if self.trace.exists() else ""
        blocks = re.split(r"(?m)^-{10,} .*\n", text)
        messages = []
        for block in blocks:
            found = re.search(r"message (?:received|sent).*?:\n\n(.*)", block, re.DOTALL)
            if found:
                messages.append(Message(found.group(1).replace("\r\n", "\n").replace("\n", "\r\n")))
        errors = self.errors.read_text(errors="replace") if self.errors.exists() else ""
        return Result(code, messages, errors)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(30)
