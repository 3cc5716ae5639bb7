"""Tests that the clock must not break: what must be quick on a busy machine, and what speaks of today or this month."""

import datetime as dt
from collections.abc import Callable


def assert_quick(run: Callable[[], float], seconds: float, tries: int = 4) -> None:
    """Fail where every try takes longer: a wait of the product's own comes each time, a busy machine's does not."""
    took: list[float] = []
    while not took or took[-1] >= seconds:
        assert len(took) < tries, f"never below {seconds:g} s: {took}"
        took.append(run())


def zone_at_noon() -> str:
    """Return a time zone where it is about noon, so that no day or month ends while a test runs."""
    ahead = 12 - dt.datetime.now(dt.UTC).hour
    # As POSIX has it, zones east of Greenwich are below zero.
    return f"Etc/GMT{-ahead:+d}"
