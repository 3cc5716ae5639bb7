"""Start in order, watch, stop in order."""

import os
import shlex
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from .folder import DataFolder
from .guard import adopt_orphans, end_orphans
from .say import say
from .services import Services
from .supervise import Supervisor

ROOT = Path(__file__).resolve().parents[2]


class Stop(Exception):
    """Raised in the main thread by a signal that asks us to stop."""


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Turn Ctrl-C, SIGTERM and a closed terminal into Stop, once: a second one must not cut the clean stop short."""

    def stop(number: int, frame: FrameType | None) -> None:
        for other in signals:
            signal.signal(other, signal.SIG_IGN)
        raise Stop

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in signals}
    try:
        yield
    except Stop:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def watch(supervisor: Supervisor) -> int:
    """Stay until the supervisor ends, and say which program ended again and again. Return the exit code."""
    assert supervisor.process is not None
    told: set[str] = set()
    while supervisor.process.poll() is None:
        if supervisor.answers():
            failed = set(supervisor.gave_up())
            for name in sorted(failed - told):
                log = supervisor.folder.log / f"{name}.log"
                say(f"voipbilling: {name} ends again and again: {supervisor.last_words(name)} (all of it: {log})")
            told = failed
        end_orphans(keep=supervisor.process.pid)
        time.sleep(0.5)
    say("voipbilling: the supervisor was ended from outside; stopping everything")
    return 1


def run_services(folder: DataFolder, *, throwaway: bool) -> int:
    """Run PostgreSQL and Valkey alone and print their addresses as shell exports."""
    folder.prepare()
    folder.lock()
    services = Services(folder, throwaway=throwaway)
    services.initialise()
    supervisor = Supervisor(folder, services.programs())
    adopt_orphans()
    code = 0
    with stopped_by_signals():
        try:
            supervisor.start(os.environ, ROOT)
            services.start(supervisor)
            for name, value in services.environment().items():
                print(f"export {name}={shlex.quote(value)}", flush=True)
            code = watch(supervisor)
        finally:
            supervisor.stop()
    return code
