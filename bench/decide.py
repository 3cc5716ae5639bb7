"""Print what a decider does and costs: `python -m bench.decide` (a million DIDs, 100,000 networks; about 3 minutes).

Makes a database of its own, on the server of DATABASE_URL where that is set, else on an embedded one of its own, and
removes it again. Prints the start from PostgreSQL and from disk, the memory, the time from question to answer inside
the process and on the switch's socket, the most answers a second, and the time from a commit to the first answer that
obeys it.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bin")]

from bench import inventory, machine  # noqa: E402
from bench.evapi import SwitchEnd  # noqa: E402
from bench.scratch import drop  # noqa: E402

DATABASE = "voipbilling_bench"
NAME = "decider-bench"


@contextmanager
def database(keep: bool) -> Iterator[str]:
    """Make a migrated database and drop it in the end, unless told to keep it; yield its address."""
    from tests.servers import TestServers

    # Takes the servers of the environment, else starts its own, which sync each commit as those of bin/run do.
    servers = TestServers(throwaway=False)
    servers.start()
    url = os.environ["DATABASE_URL"]
    own = urlunsplit(urlsplit(url)._replace(path=f"/{DATABASE}"))
    server = psycopg2.connect(url)
    server.autocommit = True
    try:
        with server.cursor() as cursor:
            cursor.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
            if not (keep and cursor.fetchone()):
                drop(cursor, DATABASE)
                cursor.execute(f"CREATE DATABASE {DATABASE}")
            try:
                environment = {**os.environ, "DATABASE_URL": own}
                subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
                yield own
            finally:
                if not keep:
                    drop(cursor, DATABASE)
    finally:
        server.close()
        servers.stop()


@contextmanager
def decider(url: str, folder: Path, switch: SwitchEnd) -> Iterator[subprocess.Popen[bytes]]:
    """Run a decider as bin/run does, until the block ends."""
    environment = {
        **os.environ, "DATABASE_URL": url, "VOIPBILLING_DATA": str(folder), "VOIPBILLING_RUN": str(folder),
        "EVAPI_LISTEN": switch.address,
    }  # fmt: skip
    with (folder / "decider.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "decider", "--name", NAME], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def in_process(url: str, calls: list[dict[str, Any]]) -> None:
    """Print what one decision costs without any socket: alone, and with its JSON read and written."""
    from routing.decider.judge import Judge, State
    from routing.decision import Facts, InboundAttempt
    from routing.evaluation import evaluate
    from routing.loader import load_credit, load_snapshot
    from routing.snapshot import Policy

    with closing(psycopg2.connect(url)) as connection:
        config = load_snapshot(connection, Policy())
        with connection.cursor() as cursor:
            credit = load_credit(cursor)
    gc.freeze()
    facts = Facts(credit=credit)
    attempts = [InboundAttempt.from_call(call, "sw1") for call in calls]
    measure("evaluated", lambda attempt: evaluate(attempt, config, facts, explain=False), attempts)
    measure("evaluated, explained, recorded", lambda attempt: evaluate(attempt, config, facts).record(), attempts)
    state = State()
    state.config, state.credit = config, credit
    judge = Judge("bench", state, funds=None)  # type: ignore[arg-type]
    bodies = [
        json.dumps({"op": "decide", "index": str(at), "label": "7", "switch": "sw1", "call": call}).encode()
        for at, call in enumerate(calls)
    ]
    measure("read, evaluated, answered", lambda body: judge.receive(body, lambda answer: None), bodies)
    gc.unfreeze()


def measure(name: str, work: Callable[[Any], Any], inputs: list[Any]) -> None:
    """Run the work on each input and print the rate and the percentiles."""
    for item in inputs[:1000]:
        work(item)
    took = []
    started = time.perf_counter()
    for item in inputs:
        before = time.perf_counter_ns()
        work(item)
        took.append((time.perf_counter_ns() - before) / 1000)
    elapsed = time.perf_counter() - started
    took.sort()
    print(
        f"{name:32} {len(inputs) / elapsed:>9,.0f}/s   p50 {machine.percentile(took, 0.5):6.1f} µs   "
        f"p99 {machine.percentile(took, 0.99):6.1f} µs",
        flush=True,
    )


def show(name: str, seconds: list[float]) -> None:
    """Print percentiles of times on the socket."""
    p50, p99, p999 = (machine.percentile(seconds, share) * 1000 for share in (0.5, 0.99, 0.999))
    print(
        f"{name:32} p50 {p50:.2f} ms   p99 {p99:.2f} ms   p99.9 {p999:.2f} ms   longest {seconds[-1] * 1000:.1f} ms",
        flush=True,
    )


def told_by_heartbeat(url: str) -> tuple[float, float]:
    """Return median and 99th percentile in ms of the last decisions, as the decider itself takes them."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT details FROM core_heartbeat WHERE name = %s", [NAME])
        details = cursor.fetchone()[0]
    return details["median_ms"], details["p99_ms"]


def started_from(what: str, began: float, process: subprocess.Popen[bytes]) -> None:
    """Print how long a start took, and the memory."""
    print(
        f"{'start ' + what:32} answers after {time.perf_counter() - began:.1f} s, "
        f"{machine.resident_megabytes(process.pid):,.0f} MB",
        flush=True,
    )


def wait_for(condition: Callable[[], bool], what: str, patience: float = 300) -> None:
    """Return when the condition holds; raise when it does not in time."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {patience:g} s: {what}")
        time.sleep(0.02)


def commit_to_force(switch: SwitchEnd, times: int) -> list[float]:
    """Suspend and resume a DID as the portal does, and take the time from the commit to the first answer that obeys."""
    from core.choices import Role
    from core.models import User
    from dids.models import DID
    from dids.services import resume_dids, suspend_dids

    actor = User.objects.get_or_create(username="bench", defaults={"role": Role.OPERATOR})[0]
    did = DID.objects.select_related("carrier").order_by("id")[0]
    source = str(did.carrier.accounts.order_by("id")[0].network).partition("/")[0]
    switch.prepare([inventory.call(0, source, f"+{did.number}")])
    took = []
    for round_ in range(times):
        (resume_dids if round_ % 2 else suspend_dids)(actor=actor, did_ids=[did.pk])
        took.append(switch.until("accepted" if round_ % 2 else "did_suspended"))
        time.sleep(0.02)
    return sorted(took)


def whole(url: str, asked: argparse.Namespace, folder: Path) -> None:
    """Measure a decider process on a filled database."""
    calls = inventory.calls(url, asked.calls)
    switch = SwitchEnd()
    switch.prepare(calls)
    saved = folder / "deciders" / f"{NAME}.snapshot"
    began = time.perf_counter()
    with decider(url, folder, switch) as process:
        switch.accept()
        started_from("from PostgreSQL", began, process)
        wait_for(saved.exists, "the configuration is on disk")
        print(f"{'on disk':32} {saved.stat().st_size / 1e6:,.0f} MB, after {time.perf_counter() - began:.1f} s")
        took = switch.at_a_rate(asked.rate, int(asked.rate * asked.seconds))
        # The heartbeat comes every two seconds, and what it says is of the decisions since.
        time.sleep(2.5)
        inside = told_by_heartbeat(url)
        print(f"{f'at {asked.rate:,}/s, in the process':32} p50 {inside[0]:.3f} ms   p99 {inside[1]:.3f} ms")
        show(f"at {asked.rate:,}/s, on the socket", took)
        print(f"{'at most':32} {switch.at_most(asked.calls):,.0f}/s", flush=True)
        show("from commit to force", commit_to_force(switch, asked.changes))
        memory(process)
    switch.prepare(calls)
    began = time.perf_counter()
    with decider(url, folder, switch) as process:
        switch.accept()
        started_from("from disk", began, process)

        def followed() -> bool:
            return (folder / "decider.log").read_text().count("configuration loaded") >= 2

        took = switch.at_a_rate(500, 500 * 120, until=followed)
        show("at 500/s while it loads afresh", took)
        memory(process)
    print("verdicts:", ", ".join(f"{reason} {count:,}" for reason, count in sorted(switch.verdicts.items())))
    switch.close()


def memory(process: subprocess.Popen[bytes]) -> None:
    """Print what the decider holds now and has held at most."""
    peak = int(Path(f"/proc/{process.pid}/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
    print(f"{'memory':32} {machine.resident_megabytes(process.pid):,.0f} MB, at most {peak:,.0f} MB", flush=True)


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dids", type=int, default=1_000_000)
    parser.add_argument("--networks", type=int, default=100_000)
    parser.add_argument("--calls", type=int, default=20_000, help="different calls, and questions where no rate is set")
    parser.add_argument("--rate", type=int, default=2000, help="decisions a second on the socket")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--keep", action="store_true", help="keep the database on DATABASE_URL's server, or reuse it")
    parser.add_argument("--changes", type=int, default=50, help="changes whose time to force is taken")
    return parser.parse_args(arguments)


def main() -> None:
    """Make, fill, measure, print."""
    asked = parsed()
    print(machine.describe(), flush=True)
    with database(asked.keep) as url, tempfile.TemporaryDirectory() as folder:
        os.environ["DATABASE_URL"] = url
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voipbilling.settings")
        import django

        django.setup()
        began = time.perf_counter()
        with closing(psycopg2.connect(url)) as connection:
            size = inventory.Size(asked.dids, asked.networks)
            if not inventory.holds(connection, size):
                inventory.fill(connection, size)
        print(f"{asked.dids:,} DIDs, {asked.networks:,} networks, there after {time.perf_counter() - began:.0f} s")
        in_process(url, inventory.calls(url, asked.calls))
        whole(url, asked, Path(folder))


if __name__ == "__main__":
    main()
