"""The load: SIPp as a carrier that calls and as the phone that answers, and what SIPp counted."""

import csv
import resource
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.switch.sipp import ALERTING, expect, fragment, invite, pause

PHONE = Path(__file__).resolve().parent / "switch" / "phone.xml"
TALK_SECONDS = 0.05
QUIET = ["-nostdin", "-buff_size", "8000000"]


@dataclass
class Counted:
    """One run as SIPp's own statistics tell it; ``made`` also counts the first second, which a rate leaves out."""

    calls: int
    failed: int
    repeated: int
    seconds: float
    made: int

    @property
    def rate(self) -> float:
        """Completed calls a second."""
        return self.calls / self.seconds if self.seconds else 0.0


class Load:
    """A carrier at one address, a phone at another, and the numbers to call."""

    def __init__(self, folder: Path, switch: tuple[str, int], carrier: str, phone: tuple[str, int]) -> None:
        self.folder, self.switch, self.carrier, self.phone = folder, switch, carrier, phone
        self._phone: subprocess.Popen[bytes] | None = None

    def prepare(self, numbers: list[str]) -> None:
        """Write the carrier's scenario and its list of numbers, called in turn."""
        steps = [
            invite(), *ALERTING, expect(200), fragment("ack", cseq=1), pause(TALK_SECONDS),
            fragment("in_dialog", method="BYE", cseq=2, extra=""), expect(200),
        ]  # fmt: skip
        body = "\n".join(steps).replace("[number]", "[field0]").replace("[caller]", "441632960960")
        (self.folder / "carrier.xml").write_text(
            f'<?xml version="1.0"?>\n<scenario name="carrier">\n{body}\n</scenario>\n'
        )
        (self.folder / "numbers.csv").write_text("SEQUENTIAL\n" + "".join(f"{number};\n" for number in numbers))

    def answer(self) -> None:
        """Let the phone answer from now on."""
        host, port = self.phone
        command = ["sipp", "-sf", str(PHONE), "-i", host, "-p", str(port), *QUIET, "-l", "100000"]
        self._phone = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.3)

    def hang_up(self) -> None:
        """End the phone."""
        if self._phone:
            self._phone.kill()
            self._phone.wait()
            self._phone = None

    @property
    def pids(self) -> list[int]:
        """The phone's process."""
        return [self._phone.pid] if self._phone else []

    def call(self, rate: int, seconds: float, at_once: int) -> tuple[Counted, float]:
        """Call at a rate, never more than ``at_once`` together; return what SIPp counted and its processor time."""
        statistics = self.folder / "carrier.csv"
        statistics.unlink(missing_ok=True)
        command = ["sipp", f"{self.switch[0]}:{self.switch[1]}", "-sf", "carrier.xml", "-inf", "numbers.csv"]
        command += ["-i", self.carrier, "-r", str(rate), "-m", str(int(rate * seconds)), "-l", str(at_once), *QUIET]
        command += ["-timeout", str(int(seconds) + 20), "-trace_stat", "-stf", str(statistics), "-fd", "1"]
        before = _children_seconds()
        with (self.folder / "carrier.out").open("wb") as out:
            subprocess.run(command, cwd=self.folder, stdout=out, stderr=out, check=False)
        return self._counted(statistics), _children_seconds() - before

    def saturate(self, seconds: float, at_once: int) -> tuple[Counted, float]:
        """Keep ``at_once`` calls up for some seconds; return what SIPp counted and its processor time."""
        statistics = self.folder / "carrier.csv"
        statistics.unlink(missing_ok=True)
        command = ["sipp", f"{self.switch[0]}:{self.switch[1]}", "-sf", "carrier.xml", "-inf", "numbers.csv"]
        command += ["-i", self.carrier, "-r", "20000", "-l", str(at_once), *QUIET, "-trace_stat"]
        command += ["-stf", str(statistics), "-fd", "1"]
        before = _children_seconds()
        with (self.folder / "carrier.out").open("wb") as out:
            process = subprocess.Popen(command, cwd=self.folder, stdout=out, stderr=out)
            time.sleep(seconds)
            process.terminate()
            process.wait(30)
        return self._counted(statistics, skip_first=1.0), _children_seconds() - before

    def _counted(self, statistics: Path, skip_first: float = 0.0) -> Counted:
        with statistics.open(newline="") as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        first = next((row for row in rows if _elapsed(row) >= skip_first), rows[0])
        last = rows[-1]
        start = first if skip_first else dict.fromkeys(last, "0")
        seconds = _elapsed(last) - (_elapsed(first) if skip_first else 0.0)

        def grown(column: str) -> int:
            return int(last[column]) - int(start[column])

        calls, failed, repeated = (grown(f"{what}(C)") for what in ("SuccessfulCall", "FailedCall", "Retransmissions"))
        return Counted(calls, failed, repeated, seconds, int(last["SuccessfulCall(C)"]) + int(last["FailedCall(C)"]))


def _elapsed(row: dict[str, str]) -> float:
    """Return the seconds since the start; SIPp writes 00:00:09 or 00:00:09:012000."""
    hours, minutes, seconds, *micro = row["ElapsedTime(C)"].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + (int(micro[0]) / 1e6 if micro else 0.0)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
