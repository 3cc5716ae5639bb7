"""A child that hangs for good is noticed, killed and started again, and System Log says so in words."""

import signal

import pytest

from systemlog.models import LogEntry
from tests.stack import Stack, eventually

CHILDREN = ("decider-1", "ingest", "web", "valkey", "switch")
# Silence is not counted before a process has run for 30 s, and must last for 15.
STARTED, NOTICED = 40.0, 60.0


@pytest.mark.faults
@pytest.mark.timeout(200)
def test_children_that_hang_for_good_are_restarted(stack: Stack) -> None:
    """SIGSTOP and never SIGCONT, all at once: only the watchdog can help."""

    def run_long_enough() -> bool:
        states = stack.supervisor.states()
        return all(states[name]["now"] - states[name]["start"] > 31 for name in CHILDREN)

    eventually(run_long_enough, STARTED, "all have run for half a minute")
    before = {name: stack.supervisor.pid(name) for name in CHILDREN}
    stack.signal(signal.SIGSTOP, *CHILDREN)
    for name, pid in before.items():
        eventually(
            lambda name=name, pid=pid: stack.supervisor.pid(name) not in {0, pid}, NOTICED, f"{name} is started again"
        )
        stack.wait_ready(name)
        words = f"Process {name} gave no sign of life"
        told = LogEntry.objects.filter(reason="process_hung", message__startswith=words)
        eventually(told.exists, what=f"System Log says so of {name}")


@pytest.mark.faults(short=True)
@pytest.mark.timeout(200)
def test_a_child_that_died_is_told_of(stack: Stack) -> None:
    """Whoever reads System Log later sees why something paused."""
    told = LogEntry.objects.filter(reason="process_restarted", message__contains="decider-2")
    count = told.count()
    stack.kill("decider-2")
    eventually(lambda: told.count() > count, what="System Log says so")
