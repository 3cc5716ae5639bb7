"""The demo: an invented operator in a data folder of its own, never in an installation that is somebody's work."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager

from . import child
from .errors import StartError
from .folder import DataFolder
from .product import ROOT
from .say import say
from .supervise import Program, last_line

ENVIRONMENT = {
    "DEMO": "1",
    # Phones and providers live on loopback; nobody else has to reach this switch.
    "SIP_LISTEN": "127.0.0.1",
    # A visitor should not have to wait a minute to see a call that nobody answers.
    "SIP_NO_ANSWER_TIMEOUT": "25",
}
PROGRAM = "demo"


def claim(folder: DataFolder) -> None:
    """Make this folder the demo's, or raise StartError where it is, or would be mixed with, a real installation."""
    for name in ("DATABASE_URL", "REDIS_URL"):
        if os.environ.get(name):
            raise StartError(f"{name} is set: the demo keeps to servers of its own; unset it")
    if os.environ.get("SWITCH") == "off":
        raise StartError("SWITCH=off: the demo's calls go through the switch; unset it")
    if folder.is_used() and not folder.is_demo:
        raise StartError(
            f"{folder.root} holds a real installation, which the demo must not touch: "
            "unset VOIPBILLING_DATA, or name another folder"
        )
    folder.demo_mark.touch()


def refuse(folder: DataFolder) -> None:
    """Raise StartError where a real installation would begin in the demo's folder."""
    os.environ.pop("DEMO", None)
    if folder.is_demo:
        raise StartError(f"{folder.root} holds a demo: run bin/run --demo, or set VOIPBILLING_DATA to another folder")


def settle(environment: MutableMapping[str, str]) -> None:
    """Give the demo's own defaults to what was not set."""
    for name, value in ENVIRONMENT.items():
        environment.setdefault(name, value)


def program() -> Program:
    """Return the process that plays phones and providers; it stops before the switch does, and hangs up."""
    return Program(PROGRAM, "demo", [sys.executable, "-m", "demo", "run"], stop_seconds=10)


@contextmanager
def maker(folder: DataFolder, environment: dict[str, str]) -> Iterator[Callable[[], dict[str, str]]]:
    """Give a function that enters the invented operator into a database that is up to date, and returns the logins.

    Its process starts at once: it makes itself ready, which takes seconds, while the database is made.
    """
    log = folder.log / "demo-prepare.log"
    with (
        log.open("w") as chatter,
        subprocess.Popen(
            [sys.executable, "-m", "demo", "prepare"],
            cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=chatter,
        ) as process,
    ):  # fmt: skip

        def make() -> dict[str, str]:
            said, _ = process.communicate(b"go\n")
            if process.returncode != 0:
                raise StartError(f"making the demo failed: {last_line(log)} (all of it: {log})")
            logins: dict[str, str] = json.loads(said)
            return logins

        try:
            yield make
        finally:
            process.kill()


def announce(logins: dict[str, str]) -> None:
    """Print who can log in."""
    for user, password in logins.items():
        print(f"Demo login: user {user}, password {password}", flush=True)
    print("Next: log in and look at the Dashboard; bin/run --demo-reset empties the demo.", flush=True)


def reset(folder: DataFolder) -> None:
    """Remove the demo's data folder; raise StartError for a folder that is no demo's, or while it runs."""
    if not folder.is_demo and not folder.is_used():
        say(f"there is no demo in {folder.root}")
        return
    if not folder.is_demo:
        raise StartError(f"{folder.root} is not a demo's data folder: nothing was removed")
    folder.prepare()
    folder.lock()
    child.end(f"{folder.root}:", prefix=True)
    shutil.rmtree(folder.root)
    shutil.rmtree(folder.run, ignore_errors=True)
    say(f"the demo is empty: {folder.root} was removed")
