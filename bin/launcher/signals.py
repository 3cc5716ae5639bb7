"""What asks the launcher to stop."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop(BaseException):
    """Raised in the main thread when a signal asks us to stop."""


class Request:
    """Whether a stop was asked for, and whether one is under way.

    The exception alone would not do: raised while the interpreter runs a destructor, it is swallowed. Loops therefore
    ask `check` as well.
    """

    def __init__(self) -> None:
        self.made = False
        self.under_way = False

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Note the signal and interrupt what is going on, but never a stop that has begun."""
        self.made = True
        self.check()

    def check(self) -> None:
        """Raise Stop if one was asked for."""
        if self.made and not self.under_way:
            raise Stop


request = Request()


def listen() -> None:
    """Have signals make the request from now on; one that waited since bin/run blocked them is received at once.

    They are blocked there because the interpreter's own start-up may swallow a KeyboardInterrupt.
    """
    for number in SIGNALS:
        signal.signal(number, request.receive)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


@contextmanager
def stopping() -> Iterator[None]:
    """Let no further signal cut the body short."""
    request.under_way = True
    yield
