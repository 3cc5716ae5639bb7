"""Run a consumer that is killed (-9) at a named point: python -m tests.systemlog.killed_consumer POINT."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import django

django.setup()

from billing import posting  # noqa: E402
from cdr import charging  # noqa: E402
from cdr import handlers as cdr_handlers  # noqa: E402
from systemlog import consumer as consumer_module  # noqa: E402
from systemlog import intake  # noqa: E402
from systemlog.stream import EventStream, connect  # noqa: E402


def die(*args: Any, **kwargs: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def then_die(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> None:
        function(*args, **kwargs)
        die()

    return run


POINTS: dict[str, Callable[[], None]] = {
    "after the read": lambda: setattr(consumer_module.Consumer, "process", die),
    "after the events are noted as seen": lambda: setattr(intake, "dispatch", die),
    "between the records and the log": lambda: setattr(cdr_handlers.call_log, "write", die),
    "between the charged legs and the ledger": lambda: setattr(charging, "book", die),
    "between the ledger's entries and the balances": lambda: setattr(
        posting, "insert_rows", then_die(posting.insert_rows)
    ),
    "between the balances and the commit": lambda: setattr(charging, "book", then_die(charging.book)),
    "before the commit": lambda: setattr(intake, "dispatch", then_die(intake.dispatch)),
    "after the commit, before the acknowledgement": lambda: setattr(EventStream, "acknowledge", die),
    "after the acknowledgement": lambda: setattr(EventStream, "acknowledge", then_die(EventStream.acknowledge)),
}


def die_of_poison() -> None:
    """Die whenever an event from the address 203.0.113.66 is among those to take in."""
    working = intake.dispatch

    def poisoned(events: Any) -> None:
        events = list(events)
        if any(event.call.get("source") == "203.0.113.66" for event in events):
            die()
        working(events)

    consumer_module.SUSPECT_DELIVERIES = 1
    consumer_module.MAX_FAILURES = 2
    intake.dispatch = poisoned


def stop_when_all_is_taken(stop: threading.Event) -> None:
    """End a consumer that has outlived its work; or one that gets nowhere, for which its test has no patience."""
    stream = EventStream("onlooker", connect())
    stream.ensure_group()
    deadline = time.monotonic() + 60
    while stream.lag() != {"waiting": 0, "pending": 0} and time.monotonic() < deadline:
        time.sleep(0.2)
    stop.set()


if __name__ == "__main__":
    (POINTS | {"of poison": die_of_poison})[sys.argv[1]]()
    consumer_module.BATCH = 7  # So that calls are cut apart.
    stop = threading.Event()
    threading.Thread(target=stop_when_all_is_taken, args=(stop,), daemon=True).start()
    consumer_module.Consumer("consumer-1", stop).run()
