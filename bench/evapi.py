"""The switch's end of a decider's socket: asks at a rate, as fast as it goes, and until an answer changes."""

import json
import socket
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from routing.decider.netstring import Reader, encode


class SwitchEnd:
    """Listens for one decider at a time; ``verdicts`` counts the reasons it has given."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(600)
        self.connection = self.listener
        self.verdicts: Counter[str] = Counter()
        self._reader = Reader()
        self._bodies: list[bytes] = []
        self._asked = 0

    @property
    def address(self) -> str:
        """Where a decider connects."""
        host, port = self.listener.getsockname()
        return f"{host}:{port}"

    def accept(self) -> None:
        """Wait for a decider and its greeting."""
        self.connection, _ = self.listener.accept()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = Reader()
        while not (greeting := self._reader.feed(self.connection.recv(1 << 16))):
            pass
        if json.loads(greeting[0]).get("op") != "hello":
            raise RuntimeError("what connected is no decider")

    def prepare(self, calls: list[dict[str, Any]]) -> None:
        """Take the calls to ask about, in turn."""
        self._bodies = [json.dumps(call).encode() for call in calls]

    def ask(self) -> int:
        """Send the next question and return its number."""
        self._asked += 1
        body = self._bodies[self._asked % len(self._bodies)]
        self.connection.sendall(
            encode(b'{"op":"decide","index":"%d","label":"7","switch":"sw1","call":%b}' % (self._asked, body))
        )
        return self._asked

    def answers(self) -> list[int]:
        """Return the numbers of the questions that were answered; waits for some bytes, as long as the timeout says."""
        data = self.connection.recv(1 << 18)
        if not data:
            raise RuntimeError("the decider closed the connection")
        numbers = []
        for body in self._reader.feed(data):
            message = json.loads(body)
            if message.get("op") == "decision":
                self.verdicts[message["reason"]] += 1
                numbers.append(int(message["index"]))
        return numbers

    def at_a_rate(self, rate: int, count: int, until: Callable[[], bool] | None = None) -> list[float]:
        """Ask at a steady rate, ``count`` times or until told; return the seconds to each answer, ordered."""
        asked: dict[int, float] = {}
        took: list[float] = []
        started = time.perf_counter()
        sent = 0
        while sent < count or asked:
            now = time.perf_counter()
            if until is not None and until():
                count = min(count, sent)
            while sent < count and started + sent / rate <= now:
                at = time.perf_counter()
                asked[self.ask()] = at
                sent += 1
            due = started + sent / rate - time.perf_counter() if sent < count else 5.0
            self.connection.settimeout(max(due, 0.0001))
            try:
                for number in self.answers():
                    took.append(time.perf_counter() - asked.pop(number))
            except TimeoutError:
                if sent >= count:
                    raise RuntimeError(f"{len(asked)} questions were never answered") from None
        self.connection.settimeout(30)
        return sorted(took)

    def at_most(self, count: int) -> float:
        """Keep 200 questions open and return how many are answered a second."""
        self.connection.settimeout(30)
        started = time.perf_counter()
        sent = done = 0
        while done < count:
            while sent < count and sent - done < 200:
                self.ask()
                sent += 1
            done += len(self.answers())
        return count / (time.perf_counter() - started)

    def until(self, reason: str, patience: float = 10) -> float:
        """Ask again and again until this reason comes, and return the seconds that took."""
        started = time.perf_counter()
        self.connection.settimeout(patience)
        while time.perf_counter() - started < patience:
            before = self.verdicts[reason]
            number = self.ask()
            while number not in self.answers():
                pass
            if self.verdicts[reason] > before:
                return time.perf_counter() - started
        raise RuntimeError(f"no answer was {reason} within {patience:g} s")

    def close(self) -> None:
        """Hang up."""
        self.connection.close()
        self.listener.close()
