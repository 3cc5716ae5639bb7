"""The faults: each a block whose body runs while it lasts."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import redis

from tests.stack import Stack, eventually

HANG_SECONDS = 10.0
Injection = Callable[[Stack], AbstractContextManager[None]]


@dataclass(frozen=True)
class Fault:
    """One row of the matrix."""

    name: str
    inject: Injection
    lasts: float = 0.0  # seconds between its beginning and its end
    back: tuple[str, ...] = ()  # the processes that must do their work again afterwards
    short: bool = False  # part of the short form
    calls_may_fail: bool = False
    # Seconds until the last of its calls must be told. A switch that was killed leaves calls that nobody tells the end
    # of; they are closed 30 s after its start at the earliest (cdr/lost_calls.py).
    patience: float = 30.0


def kill(*names: str) -> Injection:
    """Kill processes and all their children without warning."""

    @contextmanager
    def inject(stack: Stack) -> Iterator[None]:
        before = {name: stack.supervisor.pid(name) for name in names}
        stack.kill(*names)
        yield
        # Their last heartbeats are still young: only what was started since tells that they are back.
        for name, pid in before.items():
            eventually(lambda name=name, pid=pid: stack.supervisor.pid(name) not in {0, pid}, what=f"{name} is started")

    return inject


def hang(*names: str) -> Injection:
    """Stop processes and all their children where they are, and let them go on."""

    @contextmanager
    def inject(stack: Stack) -> Iterator[None]:
        with stack.paused(*names):
            yield

    return inject


def restart(*names: str) -> Injection:
    """Stop processes in an orderly way and start them again, as an operator does."""

    @contextmanager
    def inject(stack: Stack) -> Iterator[None]:
        yield
        stack.stop(*names)
        stack.begin(*names)

    return inject


def away(*names: str) -> Injection:
    """Stop processes in an orderly way, leave them stopped for the time of the fault, and start them again."""

    @contextmanager
    def inject(stack: Stack) -> Iterator[None]:
        stack.stop(*names)
        yield
        stack.begin(*names)

    return inject


@contextmanager
def redis_emptied(stack: Stack) -> Iterator[None]:
    """Take everything from Redis: the stream, its group, Celery's queues, the cache."""
    with redis.Redis.from_url(stack.redis_url) as client:
        client.flushall()
    yield


def matrix() -> list[Fault]:
    """Return the rows that need nothing but the running product, in the order of the table."""
    targets = [
        ("PostgreSQL", ("postgres",)),
        ("Redis", ("valkey",)),
        ("worker (ingest)", ("ingest",)),
        ("one decider of two", ("decider-1",)),
        ("both deciders", ("decider-1", "decider-2")),
        ("web", ("web",)),
        ("tasks and beat", ("general", "beat")),
        ("switch", ("switch",)),
    ]
    short = {"PostgreSQL killed", "worker (ingest) killed", "switch killed"}
    rows = []
    for words, names in targets:
        may_fail = words in {"both deciders", "switch"}
        patience = 90.0 if words == "switch" else 30.0
        for way, inject, lasts in (
            ("killed", kill(*names), 0.0),
            ("hung", hang(*names), HANG_SECONDS),
            ("restarted", restart(*names), 0.0),
        ):
            name = f"{words} {way}"
            rows.append(Fault(name, inject, lasts, names, name in short, may_fail, patience))
    rows += [
        Fault(f"{words} away", away(name), HANG_SECONDS, (name,))
        for words, name in (("PostgreSQL", "postgres"), ("Redis", "valkey"))
    ]
    relay = kill("relay")
    rows.append(Fault("audio relay killed", relay, 0.0, ("relay",)))
    rows.append(Fault("Redis emptied", redis_emptied, short=True))
    return rows
