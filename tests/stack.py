"""The whole running product for tests: every process, started as bin/run starts them, with data of its own."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dj_database_url
import redis
from django.db import connections
from launcher import child, health
from launcher.folder import DataFolder
from launcher.outside import environment_file
from launcher.ports import free_port, try_bind
from launcher.product import NODES
from launcher.supervise import Supervisor, family
from pytest_django import DjangoDbBlocker, Settings

from tests.nat.lab import open_network

ROOT = Path(__file__).resolve().parents[1]
# Seconds that a test waits for what must come: a machine that is busy for a moment is no fault of the product.
PATIENCE = 30.0
# Seconds; the product's own are too long to wait for in every run, or too short for a busy machine.
SHORT_TIMERS = {
    "SIP_NO_RESPONSE_TIMEOUT": "3",
    "SIP_NO_ANSWER_TIMEOUT": "5",
    "SIP_DECISION_TIMEOUT": "3",
    "SIP_MIN_EXPIRES": "2",
    "SIP_PING_INTERVAL": "5",
    "SIP_KEEPALIVE_INTERVAL": "30",
    "SIP_FLOOD_BLOCK_SECONDS": "2",
    "SIP_TCP_IDLE_SECONDS": "3",
    "RESERVATION_SECONDS": "6",
}
INHERITED_BY_MISTAKE = (
    "DATABASE_URL",
    "REDIS_URL",
    "REDIS_FIRST_DATABASE",
    "SECRET_KEY",
    "ALLOWED_HOSTS",
    "SWITCH",
    "RTP_RELAY",
)


class Stack:
    """One running product and the means to hurt it."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.arguments, self.own_environment = arguments, environment
        self.folder = DataFolder(Path(tempfile.mkdtemp(prefix="voipbilling-test-")))
        self.folder.prepare()
        self.hosts = ["127.0.0.1", *(["::1"] if try_bind("::1", 0) is None else [])]
        self.sip_host = self.hosts[0]
        # Where namespaces work, the switch is on a network with NAT routers, too (tests/nat).
        self.public, self.why_no_public = open_network()
        if self.public:
            self.hosts += [self.public.switch, self.public.v6]
        self.sip_port = free_port(*self.hosts)
        self.tls_port = free_port(*self.hosts)
        self.evapi_port = free_port()
        self.web_port = free_port()
        self.relay_port = free_port()
        # The demo's tests may run beside, in another worker.
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        self.rtp_ports = random.randrange(20000, 23500, 500) + worker % 2 * 3500
        self.web_url = f"http://127.0.0.1:{self.web_port}"
        self.said: list[str] = []
        self.user = self.password = self.database_url = self.redis_url = ""
        self.supervisor = Supervisor(self.folder)
        self._process: subprocess.Popen[str] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment that the launcher gets."""
        return {
            **{name: value for name, value in os.environ.items() if name not in INHERITED_BY_MISTAKE},
            **SHORT_TIMERS,
            "PYTHONPATH": str(ROOT / "bin"),
            "WEB_LISTEN": f"127.0.0.1:{self.web_port}",
            "SIP_LISTEN": ",".join(self.hosts),
            "SIP_PORT": str(self.sip_port),
            "SIP_TLS_PORT": str(self.tls_port),
            "SIP_ADDRESS": self.sip_host,
            "EVAPI_LISTEN": f"127.0.0.1:{self.evapi_port}",
            "RTP_CONTROL": f"127.0.0.1:{self.relay_port}",
            "RTP_PORTS": f"{self.rtp_ports}-{self.rtp_ports + 499}",
            **self.own_environment,
        }

    def start(self) -> None:
        """Start everything and return when it is ready; raise RuntimeError with the launcher's words if it fails."""
        log = self.folder.log / "launcher.log"
        guard = [sys.executable, child.__file__, f"{self.folder.root}:tests", str(int(signal.SIGTERM))]
        run = ["run", "--data", str(self.folder.root), "--throwaway", *self.arguments]
        with log.open("w") as chatter:
            self._process = subprocess.Popen(
                [*guard, sys.executable, "-m", "launcher", *run],
                cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=chatter,
                text=True, start_new_session=True,
            )  # fmt: skip
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line.strip())
            if line.startswith("First login"):
                self.user, self.password = line.split("user ")[1].strip().split(", password ")
            if line.startswith("Next:"):
                break
        else:
            raise RuntimeError(f"the product did not start:\n{log.read_text()}")
        environment = json.loads(environment_file(self.folder).read_text())
        self.database_url, self.redis_url = environment["DATABASE_URL"], environment["REDIS_URL"]

    def close(self, keep_logs_in: Path | None) -> None:
        """Stop everything and remove the data, keeping the logs where a test failed."""
        if self._process:
            self._process.terminate()
            self._process.wait(60)
        if self.public:
            self.public.close()
        if keep_logs_in:
            shutil.copytree(self.folder.log, keep_logs_in, dirs_exist_ok=True)
            for log in self.folder.root.glob("nodes/*/log"):
                shutil.copytree(log, keep_logs_in / log.parent.name, dirs_exist_ok=True)
        shutil.rmtree(self.folder.root, ignore_errors=True)
        shutil.rmtree(self.folder.run, ignore_errors=True)

    def kill(self, *names: str) -> None:
        """Kill processes and all their children without warning; the supervisor starts them again."""
        self.signal(signal.SIGKILL, *names)

    def signal(self, number: signal.Signals, *names: str) -> None:
        """Send a signal to processes and all their children."""
        for pid in [member for name in names for member in family(self.supervisor.pid(name))]:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self, *names: str) -> None:
        """Stop processes in an orderly way; they stay stopped until `begin`."""
        for name in names:
            self.supervisor.halt(name)

    def begin(self, *names: str) -> None:
        """Start processes that were stopped and return when they are ready."""
        self.supervisor.launch(*names)
        for name in names:
            self.wait_ready(name)

    @contextmanager
    def paused(self, *names: str) -> Iterator[None]:
        """Freeze processes, as an overloaded machine does, for the time of the body."""
        self.signal(signal.SIGSTOP, *names)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT, *names)

    def wait_ready(self, name: str, patience: float = 3 * PATIENCE) -> None:
        """Return when that process does its work again."""
        ready: Callable[[], bool]
        match name:
            case "postgres" | "valkey":
                ready = self._answers_postgres if name == "postgres" else self._answers_valkey
            case "web":
                ready = self._answers_web
            case "switch":
                ready = self._answers_switch
            case "relay":
                ready = lambda: health.relay_answers(f"127.0.0.1:{self.relay_port}")  # noqa: E731
            case _:
                ready = lambda: self._beats(name)  # noqa: E731
        eventually(ready, patience, f"{name} is ready")

    def _answers_postgres(self) -> bool:
        try:
            health.beating(self.database_url, ())
        except Exception:  # noqa: BLE001 whatever is wrong, it is not ready
            return False
        return True

    def _answers_valkey(self) -> bool:
        with redis.Redis.from_url(self.redis_url, socket_timeout=1) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def _answers_web(self) -> bool:
        return health.web_answers(self.web_url)

    def _answers_switch(self) -> bool:
        return health.switch_answers(self.sip_host, self.sip_port)

    def _beats(self, name: str) -> bool:
        started = self.supervisor.states()[name]["start"]
        return bool(health.beating(self.database_url, (NODES.get(name, name),), since=started, ready=True))

    @contextmanager
    def as_default_database(self, blocker: DjangoDbBlocker, settings: Settings) -> Iterator[None]:
        """Let the ORM, the cache and the event stream of the test process be the stack's own."""
        connection = connections["default"]
        connection.close()
        before = dict(connection.settings_dict)
        connection.settings_dict.update(dj_database_url.parse(self.database_url, conn_max_age=0))
        settings.EVENT_STREAM_URL = f"{self.redis_url}/0"
        settings.CELERY_BROKER_URL = f"{self.redis_url}/1"
        settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": f"{self.redis_url}/2"}}
        settings.SIP_PORT = self.sip_port
        settings.SIP_TLS_PORT = self.tls_port
        try:
            with blocker.unblock():
                yield
        finally:
            connection.close()
            connection.settings_dict.clear()
            connection.settings_dict.update(before)


def eventually(condition: Callable[[], bool], patience: float = PATIENCE, what: str = "the condition holds") -> None:
    """Return as soon as the condition holds; fail when it does not within so many seconds."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience:g} s: {what}")
        time.sleep(0.05)
