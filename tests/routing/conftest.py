"""Fixtures of the routing tests."""

from collections.abc import Iterator

import hypothesis
import pytest

from routing.store import snapshots

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture(autouse=True)
def _fresh_snapshots() -> Iterator[None]:
    """Let no test judge with the configuration of another one."""
    snapshots.forget()
    yield
    snapshots.forget()
