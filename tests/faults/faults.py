"""The faults: each a block whose body runs while it lasts, and the rows of the matrix that are made of them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import redis

from tests.stack import PATIENCE, Stack, eventually

HANG_SECONDS = 10.0
Injection = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Fault:
    """One row of the matrix."""

    name: str
    inject: Injection
    lasts: float = 0.0  # seconds between its beginning and its end
    wait_back: Callable[[], None] = lambda: None  # returns when what was harmed does its work again
    may_fail: tuple[str, ...] = ()  # the streams of calls that it may cost calls
    # A switch that dies leaves calls that nobody tells the end of. They are closed 30 s after its start at the earliest
    # (cdr/lost_calls.py), and nothing that happens meanwhile makes that sooner or later: the next fault does not wait.
    leaves_calls: bool = False

    @property
    def patience(self) -> float:
        """Return the seconds until the last of its calls must be told."""
        return 90.0 if self.leaves_calls else PATIENCE


def kill(stack: Stack, *names: str) -> Injection:
    """Kill processes and all their children without warning."""

    @contextmanager
    def inject() -> Iterator[None]:
        before = {name: stack.supervisor.pid(name) for name in names}
        stack.kill(*names)
        yield
        # Their last heartbeats are still young: only what was started since tells that they are back.
        for name, pid in before.items():
            eventually(lambda name=name, pid=pid: stack.supervisor.pid(name) not in {0, pid}, what=f"{name} is started")

    return inject


def hang(stack: Stack, *names: str) -> Injection:
    """Stop processes and all their children where they are, and let them go on."""
    return lambda: stack.paused(*names)


def restart(stack: Stack, *names: str) -> Injection:
    """Stop processes in an orderly way and start them again, as an operator does."""

    @contextmanager
    def inject() -> Iterator[None]:
        yield
        stack.stop(*names)
        stack.begin(*names)

    return inject


def away(stack: Stack, *names: str) -> Injection:
    """Stop processes in an orderly way, leave them stopped for the time of the fault, and start them again."""

    @contextmanager
    def inject() -> Iterator[None]:
        stack.stop(*names)
        yield
        stack.begin(*names)

    return inject


def empty_redis(stack: Stack) -> Injection:
    """Take everything from Redis: the stream, its group, Celery's queues, the cache."""

    @contextmanager
    def inject() -> Iterator[None]:
        with redis.Redis.from_url(stack.redis_url) as client:
            client.flushall()
        yield

    return inject


WAYS = {"killed": (kill, 0.0), "hung": (hang, HANG_SECONDS), "restarted": (restart, 0.0), "away": (away, HANG_SECONDS)}


def rows_of(stack: Stack, words: str, *names: str, ways: str = "killed hung restarted", **more: object) -> list[Fault]:
    """Return the rows of one part of the product, one for each way to harm it."""

    def wait_back() -> None:
        for name in names:
            stack.wait_ready(name)

    rows = []
    for way in ways.split():
        inject, lasts = WAYS[way]
        rows.append(Fault(f"{words} {way}", inject(stack, *names), lasts, wait_back, **more))
    return rows


def servers(stack: Stack) -> list[Fault]:
    """Return the rows of what holds data."""
    ways = "killed hung restarted away"
    return [
        *rows_of(stack, "PostgreSQL", "postgres", ways=ways),
        *rows_of(stack, "Redis", "valkey", ways=ways),
        Fault("Redis emptied", empty_redis(stack)),
    ]


def workers(stack: Stack) -> list[Fault]:
    """Return the rows of what takes in and shows."""
    return [
        *rows_of(stack, "worker (ingest)", "ingest"),
        *rows_of(stack, "web", "web"),
        *rows_of(stack, "tasks and beat", "general", "beat"),
    ]


def deciders(stack: Stack) -> list[Fault]:
    """Return the rows of what decides."""
    return [
        *rows_of(stack, "one decider of two", "decider-1"),
        *rows_of(stack, "both deciders", "decider-1", "decider-2", may_fail=("",)),
    ]


def switch(stack: Stack) -> list[Fault]:
    """Return the rows of what calls go through."""
    return [
        *rows_of(stack, "audio relay", "relay", ways="killed"),
        *rows_of(stack, "switch", "switch", may_fail=("",), leaves_calls=True),
    ]


def short_form(stack: Stack) -> list[Fault]:
    """Return the rows that every run of all tests has."""
    return [
        *rows_of(stack, "PostgreSQL", "postgres", ways="killed"),
        *rows_of(stack, "worker (ingest)", "ingest", ways="killed"),
        Fault("Redis emptied", empty_redis(stack)),
        *rows_of(stack, "switch", "switch", ways="killed", may_fail=("",), leaves_calls=True),
    ]
