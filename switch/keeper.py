"""`python3 -m switch.keeper [PREFIX...]`: run Kamailio, and keep beside it a copy of the calls it carries (dialogs.py).

The configuration must be rendered already. Ends with Kamailio, and Kamailio with it.
"""

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from switch.dialogs import SNAPSHOT, prepare, record_alive, take_snapshot
from switch.environment import record_folder, switch_folder
from switch.record import RpcError, call_rpc
from switch.render import SwitchSettings

# A call that began since the last snapshot does not outlive the switch. So they are taken often, as long as they cost
# little: a dump holds each lock of the dialogs' table for a moment, and calls set up meanwhile wait. Less than one call
# in a hundred shall meet one.
SHORTEST_PERIOD, LONGEST_PERIOD = 0.2, 10.0
# A dump takes 12 µs for a dialog (docs/performance.md), which is 0.8 kB: this is a hundredth of what could be written.
# Not measured: on a busy machine most of the time is waiting, and calls would be kept each 10 s only.
BYTES_A_SECOND = 600_000
# Bytes of the bindings that are pinged in one second: about 400 phones, so 12,000 at 30 s.
PING_ROOM = 30_000
PR_SET_PDEATHSIG = 1  # prctl(2)
HEARD = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}


def command(environment: Mapping[str, str], prefix: Sequence[str]) -> list[str]:
    """Return the command line of Kamailio, after whatever it is to be started by."""
    program = shutil.which("kamailio", path=f"{environment.get('PATH', '')}:/usr/sbin:/sbin") or "kamailio"
    folder = switch_folder(environment)
    # A process that ends early must not let OpenSSL tidy up: with TLS, what it frees is every process's. The default
    # allocator searches lists of free pieces, the longer the switch runs (docs/switch.md).
    options = ["-x", "fm", "-DD", "-E", "--atexit=no", "-w", str(folder), "-Y", _run(environment)]
    return [*prefix, program, "-f", str(folder / "local.cfg"), *options]


def _run(environment: Mapping[str, str]) -> str:
    return environment["VOIPBILLING_RUN"]


def _begin_child() -> None:
    """In the child: die with the keeper. At once, not in order: an orderly stop would end calls in the next start."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def run(environment: Mapping[str, str], prefix: Sequence[str] = ()) -> int:
    """Run Kamailio to its end and return its exit code."""
    folder = switch_folder(environment)
    kept = prepare(folder, record_folder(environment))
    signals = open_signals()
    process = subprocess.Popen(command(environment, prefix), preexec_fn=_begin_child)  # noqa: S603
    socket = Path(_run(environment)) / "rpc.sock"
    roomy, interval = False, int(environment.get("SIP_PING_INTERVAL") or SwitchSettings.ping_interval)
    while process.poll() is None:
        heard = wait_signals(signals, period(folder))
        if heard == {signal.SIGCHLD}:
            continue
        if keep(folder, socket):
            roomy = roomy or make_room(socket, interval)
            if kept and tell(environment, kept):
                kept = []
        if heard - {signal.SIGCHLD}:
            process.terminate()
    return process.returncode


def open_signals() -> int:
    """Have each signal that is heard leave its number in a pipe; return the end to read.

    Not sigtimedwait: a process that hangs longer than it waits (SIGSTOP, a debugger) is told by Python of a signal that
    nobody sent.
    """
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer)
    for number in HEARD:
        signal.signal(number, lambda number, frame: None)
    return reader


def wait_signals(signals: int, seconds: float) -> set[int]:
    """Return which signals came, after so many seconds at most."""
    ready, _, _ = select.select([signals], [], [], seconds)
    return set(os.read(signals, 4096)) if ready else set()


def period(folder: Path) -> float:
    """Return after how many seconds the next snapshot is due."""
    try:
        size = (folder / SNAPSHOT).stat().st_size
    except FileNotFoundError:
        size = 0
    return min(max(SHORTEST_PERIOD, size / BYTES_A_SECOND), LONGEST_PERIOD)


def keep(folder: Path, socket: Path) -> bool:
    """Take a snapshot and return True; False, with the last one left, where the switch starts, stops or hangs."""
    try:
        take_snapshot(folder, socket)
    except RpcError:
        return False
    except OSError as error:
        print(f"calls could not be kept: {error}", file=sys.stderr, flush=True)
        return False
    return True


def make_room(socket: Path, interval: int) -> bool:
    """Have Kamailio take a buffer for its pings that lasts; return whether it was told to, or sends none.

    nathelper enlarges its buffer to twice what was *lacking*, not to what is needed: where a second's bindings are half
    as much again as it holds, it comes to the same size each time and never pings them. It never makes a large buffer
    smaller. So it meets a large binding first, of nobody and over TCP, where it sends no pings; past one round, that
    expires (registrar.cfg).
    """
    if not interval:
        return True
    contact = f"sip:127.0.0.1;transport=tcp;room={'x' * PING_ROOM}"
    try:
        call_rpc(socket, "ul.add", "location", "*room*", contact, interval + 5, 1, "0", 0, 0, 0)
    except RpcError as error:
        print(f"no room made for pings: {error}", file=sys.stderr, flush=True)
        return False
    return True


def tell(environment: Mapping[str, str], kept: list[tuple[str, str]]) -> bool:
    """Put on record that the switch has started and holds these calls; return whether that was possible."""
    try:
        record_alive(record_folder(environment), environment.get("SWITCH_NAME") or "sw1", kept)
    except OSError as error:
        print(f"{len(kept)} calls go on and could not be recorded: {error}", file=sys.stderr, flush=True)
        return False
    print(f"the switch goes on with {len(kept)} calls", file=sys.stderr, flush=True)
    return True


def main(prefix: Sequence[str] = ()) -> None:
    """Run with this process's environment, Kamailio behind the command ``prefix``."""
    code = run(os.environ, prefix)
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main(sys.argv[1:])
