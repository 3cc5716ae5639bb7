"""Real decider processes for tests, the switch's end of their socket, and a way to hang their database."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from django.conf import settings

from routing.decider.netstring import Reader, encode

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0


def eventually(check: Any, seconds: float = PATIENCE) -> Any:
    """Return the first true result of ``check``; fail when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        result = check()
        if result:
            return result
        assert time.monotonic() < end, f"not within {seconds:g} s"
        time.sleep(0.01)


class SwitchEnd:
    """The switch's side of evapi: listens, asks, reads answers. One per decider, so that answers are told apart."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE)
        self.connection: socket.socket | None = None
        self.reader = Reader()
        self.answers: list[dict[str, Any]] = []
        self.index = 0

    @property
    def address(self) -> str:
        """Where a decider connects."""
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def accept(self) -> None:
        """Wait for a decider, and for the secret that it begins with."""
        self.connection, _ = self.listener.accept()
        self.connection.settimeout(PATIENCE)
        self.reader, self.answers = Reader(), []
        greeting: list[bytes] = []
        while not greeting:
            data = self.connection.recv(65536)
            assert data, "the decider closed the connection"
            greeting = self.reader.feed(data)
        assert json.loads(greeting[0])["op"] == "hello"

    def send(self, data: bytes) -> None:
        """Send raw bytes."""
        assert self.connection is not None
        self.connection.sendall(data)

    def ask(self, call: dict[str, Any], seconds: float = PATIENCE) -> dict[str, Any]:
        """Ask for one decision and return it."""
        self.index += 1
        asked = {"op": "decide", "index": str(self.index), "label": "7", "switch": "sw1", "call": call}
        self.send(encode(json.dumps(asked).encode()))
        return self.answer_to(str(self.index), seconds)

    def answer_to(self, index: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """Return the answer with this index."""
        assert self.connection is not None
        self.connection.settimeout(seconds)
        while True:
            for answer in self.answers:
                if answer["index"] == index:
                    self.answers.remove(answer)
                    return answer
            data = self.connection.recv(65536)
            assert data, "the decider closed the connection"
            self.answers += [json.loads(body) for body in self.reader.feed(data)]

    def closed_by_peer(self) -> bool:
        """Whether the decider has hung up."""
        assert self.connection is not None
        self.connection.settimeout(PATIENCE)
        with suppress(ConnectionError):
            return self.connection.recv(65536) == b""
        return True

    def close(self) -> None:
        """Close both sockets."""
        if self.connection:
            self.connection.close()
        self.listener.close()


class HangingProxy:
    """Passes TCP on to a server, until told to hang: then it keeps connections open and passes nothing."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.open = threading.Event()
        self.open.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection(self.target)
                self.sockets += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self.open.wait()
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def hang(self) -> None:
        """Pass nothing any more."""
        self.open.clear()

    def go_on(self) -> None:
        """Pass on what was held."""
        self.open.set()

    def close(self) -> None:
        """End."""
        self.open.set()
        for end in (self.listener, *self.sockets):
            # A thread that still reads would keep the connection, and with it the database, from being closed.
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def database_url(port: int | None = None) -> str:
    """Return the address of the database that the tests use, optionally through another port of this machine."""
    at = settings.DATABASES["default"]
    login = str(at["USER"]) + (f":{at['PASSWORD']}" if at.get("PASSWORD") else "")
    host, own = (at["HOST"], at["PORT"]) if port is None else ("127.0.0.1", port)
    return f"postgresql://{login}@{host or 'localhost'}:{own or 5432}/{at['NAME']}"


class DeciderProcess:
    """`manage.py decider`, as bin/run starts it."""

    def __init__(self, name: str, data: Path, *, database: str, rpc: Path | None = None) -> None:
        self.switch = SwitchEnd()
        self.log = (data / f"{name}.log").open("a+")
        environment = {
            **os.environ,
            "DATABASE_URL": database,
            "VOIPBILLING_DATA": str(data),
            "VOIPBILLING_RUN": str(rpc or data),
            "EVAPI_LISTEN": self.switch.address,
            "SWITCH_NAME": "sw1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "decider", "--name", name],
            cwd=ROOT, env=environment, stdout=self.log, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def ready(self) -> Self:
        """Wait until it has connected."""
        self.switch.accept()
        return self

    def stop(self, seconds: float = 20.0) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def said(self) -> str:
        """Return its log."""
        self.log.seek(0)
        return self.log.read()

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.switch.close()
        self.log.close()


@contextmanager
def decider(name: str, data: Path, **options: Any) -> Iterator[DeciderProcess]:
    """Run a decider for as long as the block lasts."""
    options.setdefault("database", database_url())
    process = DeciderProcess(name, data, **options)
    try:
        yield process
    finally:
        process.close()
