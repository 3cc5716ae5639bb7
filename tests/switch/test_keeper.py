"""The keeper of the switch ends it when it is told to, and at no other time."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from switch.dialogs import SNAPSHOT
from switch.keeper import LONGEST_PERIOD, period
from tests.stack import ROOT, eventually


def test_a_hung_keeper_ends_no_switch(tmp_path: Path) -> None:
    """Stopped for longer than it ever waits, it goes on; and then an orderly stop is one still."""
    program = tmp_path / "kamailio"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'import signal; signal.pause()'\n")
    program.chmod(0o700)
    for name in ("switch/record", "run"):
        (tmp_path / name).mkdir(parents=True)
    environment = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "VOIPBILLING_DATA": str(tmp_path),
        "VOIPBILLING_RUN": str(tmp_path / "run"),
    }
    keeper = subprocess.Popen([sys.executable, "-m", "switch.keeper"], cwd=ROOT, env=environment)
    try:
        children = Path(f"/proc/{keeper.pid}/task/{keeper.pid}/children")
        eventually(lambda: bool(children.read_text()), 30, "the switch runs")
        time.sleep(1)
        keeper.send_signal(signal.SIGSTOP)
        time.sleep(1.5)
        keeper.send_signal(signal.SIGCONT)
        with pytest.raises(subprocess.TimeoutExpired):
            keeper.wait(2)
        keeper.terminate()
        assert keeper.wait(LONGEST_PERIOD + 20) == 128 + signal.SIGTERM
    finally:
        keeper.kill()
        keeper.wait(10)


@pytest.mark.parametrize(("size", "seconds"), [(0, 0.2), (50_000, 0.2), (1_200_000, 2.0), (100_000_000, 10.0)])
def test_many_calls_are_kept_less_often(tmp_path: Path, size: int, seconds: float) -> None:
    """What a snapshot costs is told by its size, however busy the machine is."""
    with (tmp_path / SNAPSHOT).open("wb") as file:
        file.truncate(size)
    assert period(tmp_path) == seconds
