"""A child that hangs for good is noticed, killed and started again, and System Log says so in words."""

import signal

import pytest

from systemlog.models import LogEntry
from tests.stack import Stack, eventually

# Silence is not counted before a process has run for 30 s, and must last for 15.
STARTED, NOTICED = 40.0, 60.0


@pytest.mark.faults
@pytest.mark.timeout(200)
@pytest.mark.parametrize("name", ["decider-1", "ingest", "web", "valkey", "switch"])
def test_a_child_that_hangs_for_good_is_restarted(stack: Stack, name: str) -> None:
    """SIGSTOP and never SIGCONT: only the watchdog can help."""

    def runs_long_enough() -> bool:
        info = stack.supervisor.states()[name]
        return bool(info["now"] - info["start"] > 31)

    eventually(runs_long_enough, STARTED, f"{name} has run for half a minute")
    before = stack.supervisor.pid(name)
    stack.signal(signal.SIGSTOP, name)
    eventually(lambda: stack.supervisor.pid(name) not in {0, before}, NOTICED, f"{name} is started again")
    stack.wait_ready(name)
    told = LogEntry.objects.filter(reason="process_hung", message__startswith=f"Process {name} gave no sign of life")
    eventually(told.exists, what="System Log says so")


@pytest.mark.faults(short=True)
@pytest.mark.timeout(200)
def test_a_child_that_died_is_told_of(stack: Stack) -> None:
    """Whoever reads System Log later sees why something paused."""
    told = LogEntry.objects.filter(reason="process_restarted", message__contains="decider-2")
    count = told.count()
    stack.kill("decider-2")
    eventually(lambda: told.count() > count, what="System Log says so")
