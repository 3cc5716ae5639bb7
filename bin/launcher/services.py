"""The two servers that everything else needs: the operator's own, or embedded ones."""

import os
import signal
import time
from collections.abc import Callable

from .database import prepare_embedded
from .errors import StartError
from .folder import DataFolder
from .ports import kept_port
from .postgres import Postgres
from .say import say
from .signals import request
from .supervise import Program, Supervisor
from .valkey import Valkey


class Services:
    """PostgreSQL and a Redis protocol server, embedded where DATABASE_URL or REDIS_URL is not set."""

    def __init__(self, folder: DataFolder, *, throwaway: bool = False) -> None:
        self.folder = folder
        ports = folder.root / "ports.json"
        self.postgres: Postgres | None = None
        self.valkey: Valkey | None = None
        if not os.environ.get("DATABASE_URL"):
            port = kept_port(ports, "postgres", "POSTGRES_PORT", "PostgreSQL")
            self.postgres = Postgres(folder, port, throwaway=throwaway)
        if not os.environ.get("REDIS_URL"):
            port = kept_port(ports, "valkey", "VALKEY_PORT", "Valkey (Redis)")
            self.valkey = Valkey(folder, port, throwaway=throwaway)

    def initialise(self) -> None:
        """Create what the embedded servers need on disk."""
        if self.postgres:
            if not self.postgres.data.exists():
                say("creating the database")
            self.postgres.initialise()
        if self.valkey:
            self.valkey.initialise()

    def programs(self) -> list[Program]:
        """Return the embedded servers as supervised programs."""
        found = []
        if self.postgres:
            # INT is PostgreSQL's fast shutdown; TERM would wait for every client to leave.
            command = self.postgres.command()
            found.append(Program("postgres", "services", command, stop_signal=signal.SIGINT, stop_seconds=25))
        if self.valkey:
            found.append(Program("valkey", "services", self.valkey.command()))
        return found

    def environment(self) -> dict[str, str]:
        """Return the addresses under which the other processes find the servers."""
        return {
            "DATABASE_URL": self.postgres.app_url if self.postgres else os.environ["DATABASE_URL"],
            "REDIS_URL": self.valkey.url if self.valkey else os.environ["REDIS_URL"],
        }

    def start(self, supervisor: Supervisor) -> None:
        """Start the embedded servers and return when both answer and the portal's database is there."""
        supervisor.launch(*(program.name for program in self.programs()))
        if self.postgres:
            wait_for(supervisor, "postgres", self.postgres.answers)
            prepare_embedded(self.postgres)
        if self.valkey:
            wait_for(supervisor, "valkey", self.valkey.answers)


def wait_for(supervisor: Supervisor, name: str, ready: Callable[[], bool], patience: float = 60.0) -> None:
    """Return when that program is ready; raise StartError when it, or any other, will not stay up."""
    deadline = time.monotonic() + patience
    while not ready():
        request.check()
        log = supervisor.folder.log / f"{name}.log"
        for failed in supervisor.gave_up():
            raise StartError(supervisor.describe_failure(failed))
        if time.monotonic() > deadline:
            raise StartError(f"{name} is not ready after {patience:.0f} s: see {log}")
        time.sleep(0.05)
