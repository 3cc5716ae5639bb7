"""Fixtures of the routing tests."""

from collections.abc import Iterator

import pytest

from routing.store import snapshots


@pytest.fixture(autouse=True)
def _fresh_snapshots() -> Iterator[None]:
    """Let no test judge with the configuration of another one."""
    snapshots.forget()
    yield
    snapshots.forget()
