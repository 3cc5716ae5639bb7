"""Real PostgreSQL and Valkey for a test run: those of the environment, else throw-away ones of its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from launcher import child
from launcher.folder import DataFolder
from launcher.services import Services

ROOT = Path(__file__).resolve().parents[1]
# Cache, broker and event stream: settings.py gives each process three consecutive databases.
REDIS_DATABASES_PER_WORKER = 3


class TestServers:
    """The servers of one run; the controller of pytest-xdist starts them, its workers inherit their addresses.

    ``throwaway``: what they are told need not reach the disk, which no test waits for, and a measurement has to.
    """

    __test__ = False

    def __init__(self, *, throwaway: bool = True) -> None:
        self.throwaway = throwaway
        self.process: subprocess.Popen[str] | None = None
        self.folder: DataFolder | None = None
        if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
            # Addresses are needed before settings are read, the servers only once tests run.
            self.folder = DataFolder(Path(tempfile.mkdtemp(prefix="voipbilling-test-")))
            self.folder.prepare()
            os.environ.update(Services(self.folder, throwaway=throwaway).environment())
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        os.environ["REDIS_FIRST_DATABASE"] = str(worker * REDIS_DATABASES_PER_WORKER)

    def start(self) -> None:
        """Start what this run needs of its own and return when it answers."""
        if self.folder is None:
            return
        environment = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
        environment["PYTHONPATH"] = str(ROOT / "bin")
        guard = [sys.executable, child.__file__, f"{self.folder.root}:tests", str(int(signal.SIGTERM))]
        log = self.folder.log / "launcher.log"
        chatter = log.open("w")
        self.process = subprocess.Popen(
            [*guard, sys.executable, "-m", "launcher", "services", "--data", str(self.folder.root),
             *(["--throwaway"] if self.throwaway else [])],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=chatter,
            text=True, start_new_session=True,
        )  # fmt: skip
        chatter.close()
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline(), self.process.stdout.readline()]
        if not all(lines):
            raise RuntimeError(f"PostgreSQL and Valkey for the tests did not start:\n{log.read_text()}")

    def stop(self) -> None:
        """Stop what was started and remove its data."""
        if self.process:
            self.process.terminate()
            self.process.wait(30)
        if self.folder:
            shutil.rmtree(self.folder.root, ignore_errors=True)
