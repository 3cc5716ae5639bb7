"""A real event stream of its own for each test."""

import threading
from collections.abc import Iterator

import pytest

from systemlog.consumer import Consumer
from systemlog.stream import EventStream, connect


@pytest.fixture
def stream() -> Iterator[EventStream]:
    """The event stream of the test's own Redis database, empty."""
    client = connect()
    client.flushdb()
    yield EventStream("tester", client)
    client.flushdb()
    client.close()


@pytest.fixture
def consumer(stream: EventStream) -> Consumer:
    """A consumer that is stepped by hand."""
    made = Consumer("consumer-1", threading.Event())
    made.block_ms = lambda: 10  # type: ignore[method-assign]
    return made
