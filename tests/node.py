"""A further node beside the running product of the tests: started, hurt and stopped as an operator's is."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from launcher import child
from launcher.folder import DataFolder
from launcher.ports import free_port
from launcher.supervise import Supervisor

from switch.dialogs import ANSWERED_STATES, LOCATION, SNAPSHOT, read_snapshot
from tests.stack import ROOT, Stack

SECOND = "127.0.0.2"


class Node:
    """One switch or worker node; use it as a context manager, which joins and leaves."""

    def __init__(self, stack: Stack, kind: str, name: str, **settings: str) -> None:
        self.stack, self.kind, self.name, self.settings = stack, kind, name, settings
        self.folder = DataFolder(stack.folder.root / "nodes" / name)
        self.supervisor = Supervisor(self.folder)
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Node":
        self.join()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def join(self) -> None:
        """Start it and return when it works; raise RuntimeError with the launcher's words if it does not."""
        self.folder.prepare()
        log = self.folder.log / "launcher.log"
        guard = [sys.executable, child.__file__, f"{self.folder.root}:tests", str(int(signal.SIGTERM))]
        home = ["--data", str(self.stack.folder.root)]
        with log.open("w") as chatter:
            self._process = subprocess.Popen(
                [*guard, sys.executable, "-m", "launcher", self.kind, "--name", self.name, *home],
                cwd=ROOT, env=self.stack.environment | self.settings, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=chatter, text=True, start_new_session=True,
            )  # fmt: skip
        assert self._process.stdout is not None
        if "has joined" not in self._process.stdout.readline():
            raise RuntimeError(f"{self.name} did not join:\n{log.read_text()}")

    def leave(self, keep_logs_in: Path | None = None) -> None:
        """Stop it as an operator does."""
        if self._process:
            self._process.terminate()
            self._process.wait(60)
            self._process = None

    def kill(self) -> None:
        """End all of it at once, as a power cut does: launcher, supervisor and every process."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)
        self._process = None
        child.end(f"{self.folder.root}:", prefix=True)

    @contextmanager
    def paused(self, *names: str) -> Iterator[None]:
        """Freeze processes for the time of the body."""
        for name in names:
            self.supervisor.signal(name, signal.SIGSTOP)
        try:
            yield
        finally:
            for name in names:
                self.supervisor.signal(name, signal.SIGCONT)


def keeps(root: Path, number: str, calls: int = 1) -> bool:
    """Whether a switch started anew from this data folder would go on with so many calls to a number."""
    kept = read_snapshot(root / "switch" / SNAPSHOT)
    return sum(call["state"] in ANSWERED_STATES and number in json.dumps(call) for call in kept) >= calls


def knows(root: Path, user: str) -> bool:
    """Whether a switch started anew from this data folder would know this phone."""
    with closing(sqlite3.connect(f"file:{root / 'switch' / LOCATION}?mode=ro", uri=True)) as database:
        found = database.execute("SELECT count(*) FROM location WHERE username = ?", [user])
        return bool(found.fetchone()[0])


def second_switch(stack: Stack, name: str = "sw2") -> Node:
    """Return a switch node on a loopback address of its own, not started."""
    own = {"SIP_LISTEN": SECOND, "SIP_ADDRESS": SECOND, "SIP_PORT": str(free_port(SECOND)), "SIP_TLS_PORT": "off"}
    return Node(stack, "switch", name, **own, EVAPI_LISTEN="", RTP_CONTROL="", RTP_RELAY="off")
