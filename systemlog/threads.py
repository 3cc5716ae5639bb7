"""The threads of the ingest node and of other nodes: started once, watched, stopped together.

A thread that dies takes its process with it: the supervisor then starts a whole one. A node that lived on without its
consumer would look well and take nothing in.
"""

import logging
import os
import threading
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from systemlog.consumer import Consumer
from systemlog.heartbeats import BEAT_SECONDS, Pulse

logger = logging.getLogger(__name__)

EXIT_THREAD_DIED = 70  # EX_SOFTWARE of sysexits.h
STOP_PATIENCE = 20.0


class Watched(threading.Thread):
    """A thread whose unexpected end, by error or return, ends the process at once."""

    def __init__(self, name: str, target: Callable[[threading.Event], None]) -> None:
        super().__init__(name=name, daemon=True)
        self.stopping = threading.Event()
        self._job = target

    def run(self) -> None:
        try:
            self._job(self.stopping)
        except BaseException:
            logger.critical("thread %s died; the process ends", self.name, exc_info=True)
            os._exit(EXIT_THREAD_DIED)
        if not self.stopping.is_set():
            logger.critical("thread %s returned unasked; the process ends", self.name)
            os._exit(EXIT_THREAD_DIED)


def start_ingest(node: str) -> list[Watched]:
    """Start this node's consumers; their names outlive restarts, so that each finds what it left behind.

    More than one, because one alone would wait for PostgreSQL during half of its time.
    """
    threads = [Watched(name, consuming(name)) for name in consumer_names(node)]
    for thread in threads:
        thread.start()
    return threads


def consumer_names(node: str) -> list[str]:
    """Return the names of a node's consumers; the first bears the node's own, which its health is known by."""
    return [node, *(f"{node} {number}" for number in range(2, settings.INGEST_CONSUMERS + 1))]


def consuming(name: str) -> Callable[[threading.Event], None]:
    """Return what runs one consumer until it is stopped."""

    def consume(stop: threading.Event) -> None:
        consumer = Consumer(name, stop)
        consumer.run()
        end_quietly(consumer.pulse)

    return consume


def start_pulse(node: str, kind: str) -> list[Watched]:
    """Start the heartbeat of a node that has no loop of its own."""

    def beat(stop: threading.Event) -> None:
        pulse = Pulse(node, kind)
        while not stop.wait(BEAT_SECONDS / 2):
            try:
                pulse.beat()
            except (DatabaseError, InterfaceError):
                connection.close()
        end_quietly(pulse)

    thread = Watched("pulse", beat)
    thread.start()
    return [thread]


def end_quietly(pulse: Pulse) -> None:
    """Take the heartbeat back if the database is there; a shutdown waits for nothing."""
    try:
        pulse.end()
    except (DatabaseError, InterfaceError):
        connection.close()


def stop_all(threads: list[Watched]) -> None:
    """Ask all threads to end and wait for the batch in hand."""
    for thread in threads:
        thread.stopping.set()
    for thread in threads:
        thread.join(STOP_PATIENCE)
