"""One supervisord for all processes: its configuration, its start, its remote control."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from supervisor.states import ProcessStates
from supervisor.xmlrpc import SupervisorTransport

from . import child
from .errors import StartError
from .folder import DataFolder, write_private

CHILD = str(Path(child.__file__).resolve())
# Groups stop one after another, the highest number first: the switch hands its last events over to workers that still
# run, and these write them to servers that still run.
GROUPS = {"services": 10, "portal": 20, "switch": 30}


@dataclass(frozen=True)
class Program:
    """One supervised process."""

    name: str
    group: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: int = 15
    # nice(1): how far it stands back for the others where they want more than the machine has.
    niceness: int = 0


def _section(program: Program, folder: DataFolder) -> str:
    mark = f"{folder.root}:{program.name}"
    nice = ["nice", "-n", str(program.niceness)] if program.niceness else []
    guarded = [sys.executable, "-E", "-S", CHILD, mark, str(int(program.stop_signal)), *nice, *program.command]
    environment = ",".join(f'{name}="{value}"'.replace("%", "%%") for name, value in program.environment.items())
    lines = [
        f"[program:{program.name}]",
        "command=" + shlex.join(guarded).replace("%", "%%"),
        f"stdout_logfile={folder.log / program.name}.log".replace("%", "%%"),
        "redirect_stderr=true",
        "stdout_logfile_maxbytes=10MB",
        "stdout_logfile_backups=5",
        "autostart=false",
        "autorestart=true",
        "startsecs=2",
        "startretries=3",
        f"stopsignal={program.stop_signal.name.removeprefix('SIG')}",
        f"stopwaitsecs={program.stop_seconds}",
        "killasgroup=true",
    ]
    if environment:
        lines.append(f"environment={environment}")
    return "\n".join(lines)


def configuration(folder: DataFolder, programs: Iterable[Program]) -> str:
    """Return the text of supervisord.conf."""
    programs = list(programs)
    run, log = str(folder.run).replace("%", "%%"), str(folder.log).replace("%", "%%")
    head = [
        "[supervisord]",
        "nodaemon=true",
        f"logfile={log}/supervisord.log",
        "logfile_maxbytes=10MB",
        "logfile_backups=3",
        f"pidfile={run}/supervisord.pid",
        f"childlogdir={log}",
        "silent=true",
        "minfds=1024",
    ]
    if os.geteuid() == 0:
        head.append("user=root")
    head += [
        "[unix_http_server]",
        f"file={run}/supervisor.sock",
        "chmod=0600",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
        "[supervisorctl]",
        f"serverurl=unix://{run}/supervisor.sock",
    ]
    for group, priority in GROUPS.items():
        members = [program.name for program in programs if program.group == group]
        if members:
            head += [f"[group:{group}]", f"programs={','.join(members)}", f"priority={priority}"]
    return "\n".join(head) + "\n" + "\n".join(_section(program, folder) for program in programs) + "\n"


def last_line(log: Path) -> str:
    """Return the line of a log that tells best why the process ended.

    That is a Python exception's last line; else the first of the last errors, which the others follow from.
    """
    try:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()][-15:]
    except FileNotFoundError:
        lines = []
    if not lines:
        return "it wrote nothing"
    errors = [line for line in lines if re.search(r"\b(ERROR|CRITICAL|FATAL|error):", line)]
    chosen = lines[-1] if re.match(r"[\w.]+(Error|Exception|Exit)\b", lines[-1]) or not errors else errors[0]
    return chosen[:300]


def family(pid: int) -> list[int]:
    """Return a process and all its descendants; none for a process that does not run.

    Not the process group: PostgreSQL's backends each lead a group of their own.
    """
    found = [pid] if pid else []
    for member in found:
        with suppress(OSError):
            for thread in Path(f"/proc/{member}/task").iterdir():
                found += map(int, (thread / "children").read_text().split())
    return found


class Supervisor:
    """A supervisord and its remote control; the control also works from a process that did not start it."""

    def __init__(self, folder: DataFolder, programs: Iterable[Program] = ()) -> None:
        self.folder = folder
        self.programs = list(programs)
        self.socket = folder.run / "supervisor.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, environment: Mapping[str, str], directory: Path) -> None:
        """Start supervisord without any program; return when it can be asked."""
        # What an earlier run left after a power cut or kill -9 of everything would hold our ports and our data.
        child.end(f"{self.folder.root}:", prefix=True)
        self.socket.unlink(missing_ok=True)
        config = self.folder.root / "supervisord.conf"
        write_private(config, configuration(self.folder, self.programs))
        guard = [sys.executable, "-E", "-S", CHILD, f"{self.folder.root}:supervisord", str(int(signal.SIGTERM))]
        with (self.folder.log / "supervisord.start.log").open("wb") as log:
            self.process = subprocess.Popen(
                [*guard, sys.executable, "-m", "supervisor.supervisord", "-c", str(config)],
                cwd=directory, env=dict(environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        while not self.answers():
            if self.process.poll() is not None:
                raise StartError(f"the supervisor did not start: {last_line(Path(log.name))}")
            time.sleep(0.05)

    @property
    def _rpc(self) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor

    def answers(self) -> bool:
        """Tell whether supervisord can be asked now."""
        try:
            self._rpc.getState()
        except (OSError, HTTPException, xmlrpc.client.Error):
            return False
        return True

    def launch(self, *names: str) -> None:
        """Start those programs without waiting for them."""
        for name in names:
            try:
                self._rpc.startProcess(self._full_name(name), False)
            except xmlrpc.client.Fault as fault:
                if "ALREADY_STARTED" not in fault.faultString:
                    raise

    def states(self) -> dict[str, dict[str, Any]]:
        """Return what supervisord knows of each program: `state`, `statename`, `pid`, `start`, `description`."""
        return {info["name"]: info for info in self._rpc.getAllProcessInfo()}

    def gave_up(self) -> list[str]:
        """Return the programs that ended again and again right after their start."""
        return [name for name, info in self.states().items() if info["state"] == ProcessStates.FATAL]

    def pid(self, name: str) -> int:
        """Return a program's process id, 0 if it does not run."""
        return int(self.states()[name]["pid"])

    def _full_name(self, name: str) -> str:
        return f"{self.states()[name]['group']}:{name}"

    def halt(self, name: str) -> None:
        """Stop one program; it stays stopped until it is launched."""
        self._rpc.stopProcess(self._full_name(name), True)

    def signal(self, name: str, number: signal.Signals) -> int:
        """Send a signal to one program and all its children; return the process id it had."""
        pid = self.pid(name)
        os.killpg(pid, number)
        return pid

    def kill(self, name: str) -> None:
        """Kill one program that does not answer, and its children; supervisord starts it again."""
        for pid in family(self.pid(name)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def describe_failure(self, name: str) -> str:
        """Return what to tell about a program that will not stay up."""
        log = self.folder.log / f"{name}.log"
        return f"{name} ends again and again: {last_line(log)} (all of it: {log})"

    def stop(self, patience: float = 40.0) -> None:
        """Stop every program, then supervisord; whatever is left after that is killed."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        child.end(f"{self.folder.root}:", prefix=True)
        self.socket.unlink(missing_ok=True)
