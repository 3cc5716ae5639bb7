"""Become one supervised process: `python child.py MARK SIGNAL COMMAND...`.

Runs as a script, with nothing but the standard library, because it starts before every process. Supervisor alone
leaves two holes: a process that was killed may leave children of its own that hold its port (Kamailio, granian), and a
supervisor that was killed leaves everything. So, before the command takes this process over, what an earlier one of
the same mark left is ended, and the kernel is told to send SIGNAL here when the parent dies.
"""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

MARK = "VOIPBILLING_PROCESS"
PR_SET_PDEATHSIG = 1  # prctl(2)


def marked(mark: str, *, prefix: bool = False) -> list[int]:
    """Return the ids of the processes that carry that mark, or one that begins so, in their environment."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # gone meanwhile, or another user's
        if any(part.startswith(wanted) if prefix else part == wanted for part in environment):
            found.append(int(entry.name))
    return found


def end(mark: str, *, prefix: bool = False, patience: float = 5.0) -> int:
    """Kill the processes with that mark and return how many there were, once they are gone."""
    count = 0
    deadline = time.monotonic() + patience
    while (left := marked(mark, prefix=prefix)) and time.monotonic() < deadline:
        count = max(count, len(left))
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)
    return count


def die_with_parent(number: int) -> None:
    """Have the kernel send that signal when the parent ends, or stop at once if it just did."""
    parent = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:
        sys.exit("the supervisor is gone")


def main() -> None:
    """Clear away, bind to the parent, become the command."""
    mark, number, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    left = end(mark)
    if left:
        print(f"ended {left} processes that an earlier run of {mark} had left", file=sys.stderr, flush=True)
    die_with_parent(number)
    os.environ[MARK] = mark
    if command[0] in ("unshare", "setpriv"):
        # Changing the user or the namespace may clear the wish above: repeat it on the far side.
        inner = command.index("--") + 1
        name = signal.Signals(number).name.removeprefix("SIG")
        command[inner:inner] = ["setpriv", f"--pdeathsig={name}", "--"]
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"cannot start {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
