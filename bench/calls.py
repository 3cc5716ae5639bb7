"""Print what a call costs beside the bare switch: `python -m bench.calls`.

Starts the whole product on throw-away data, as bin/run does, and puts SIPp on both sides of its switch. The switch is
measured in turn with a static route and nothing else ("bare"), and as the product; `--variants` leaves out parts of
the product to show what each costs. Watching INVITEs needs root.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bin")]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voipbilling.settings")

from bench import machine  # noqa: E402
from bench.capture import InviteWatch  # noqa: E402
from bench.sipp import Counted, Load  # noqa: E402
from bench.variants import VARIANTS, install  # noqa: E402
from tests.stack import Stack  # noqa: E402

CARRIER, PHONE = "127.0.1.10", ("127.0.1.20", 0)
FIRST_NUMBER = 442079460000
SETTINGS = {"SIP_FLOOD_LIMIT": "1000000", "SIP_PING_INTERVAL": "0", "SIP_KEEPALIVE_INTERVAL": "60"}
PARTS = ("switch", "decider-1", "decider-2", "valkey", "ingest", "postgres")


class Product(Stack):
    """The running product with the switch's guards opened for load from a single address."""

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of every process."""
        return {**super().environment, **SETTINGS}


@dataclass
class Run:
    """One variant under one load."""

    variant: str
    counted: Counted
    delays: list[float]
    cpu: dict[str, float]


@contextmanager
def product() -> Iterator[Product]:
    """Start the product; stop it and remove its data in the end."""
    stack = Product()
    try:
        stack.start()
        yield stack
    finally:
        stack.close(None)


def configure(stack: Product, lines: int) -> list[tuple[str, str, str]]:
    """Make a carrier, and lines of one account; return number, SIP user and secret of each."""
    environment = json.loads((stack.folder.secrets / "environment.json").read_text())
    os.environ.update({name: environment[name] for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")})
    import django

    django.setup()
    from accounts.services import create_alias
    from billing.services import record_payment
    from dids.services import map_dids
    from tests.inventory import a_carrier, a_user, an_account, an_address, some_dids
    from tests.switch.network import wait_in_force

    actor = a_user(name="bench")
    carrier = a_carrier(actor, "Bench carrier", is_did_provider=True)
    an_address(actor, carrier, f"{CARRIER}/32")
    record_payment(actor=actor, balance=carrier.balance, amount=Decimal(10), idempotency_key="bench")
    account = an_account(actor, client="Bench client")
    numbers = [str(FIRST_NUMBER + n) for n in range(lines)]
    made = []
    for did in some_dids(actor, carrier, "\n".join(numbers)):
        alias, secret = create_alias(actor=actor, account=account, username=f"bench-{did.number}")
        map_dids(actor=actor, did_ids=[did.pk], alias=alias, account=account)
        made.append((did.number, alias.username, secret))
    wait_in_force()
    return made


def register(stack: Product, lines: list[tuple[str, str, str]], phone: tuple[str, int]) -> None:
    """Register every line from the phone's address; one phone answers for all."""
    from tests.stack import eventually
    from tests.switch.phone import Phone

    for _, user, secret in lines:
        with Phone((stack.sip_host, stack.sip_port), user, secret, phone) as handset:
            eventually(lambda handset=handset: handset.register(3600) == 200, 20, f"{user} is registered")


class Bench:
    """Switches variants and takes figures."""

    def __init__(self, stack: Product, load: Load, at_once: int) -> None:
        self.stack, self.load, self.at_once = stack, load, at_once
        self.local = stack.folder.root / "switch" / "local.cfg"

    def begin(self, variant: str) -> None:
        """Restart the switch as a variant, with or without the worker behind it."""
        self.stack.stop("switch")
        install(self.local, variant, f"{self.load.phone[0]}:{self.load.phone[1]}")
        running = self.stack.supervisor.states()["ingest"]["statename"] == "RUNNING"
        if variant == "product" and not running:
            self.stack.begin("ingest")
        elif variant != "product" and running:
            self.stack.stop("ingest")
        self.stack.begin("switch")
        if variant != "bare":
            self._wait_for_deciders()
        # What came before must not be worked off at the expense of what is measured.
        self._wait_idle()

    def _wait_for_deciders(self) -> None:
        from core.models import Heartbeat
        from tests.stack import eventually

        def connected() -> bool:
            rows = list(Heartbeat.objects.filter(kind="decider").values_list("details", flat=True))
            return len(rows) == 2 and all(row["connected"] and row["credentials_in_step"] for row in rows)

        eventually(connected, 30, "both deciders are connected")

    def _wait_idle(self) -> None:
        before = machine.cpu_seconds(self._pids().values())
        for _ in range(60):
            time.sleep(0.5)
            now = machine.cpu_seconds(self._pids().values())
            if now - before < 0.08:
                return
            before = now

    def _pids(self) -> dict[str, int]:
        states = self.stack.supervisor.states()
        return {name: int(states[name]["pid"]) for name in PARTS if states[name]["pid"]}

    def measure(self, variant: str, rate: int, seconds: float) -> Run:
        """Call at a rate (0: as fast as it goes) and return the figures."""
        watch = InviteWatch(self.stack.sip_port) if rate else None
        pids = self._pids()
        before = {name: machine.cpu_seconds([pid]) for name, pid in pids.items()}
        phone_before = machine.cpu_seconds(self.load.pids)
        if rate:
            counted, carrier_cpu = self.load.call(rate, seconds, at_once=int(rate * 4))
        else:
            counted, carrier_cpu = self.load.saturate(seconds, self.at_once)
        made = max(counted.made, 1)
        # A process that has ended in between (a backend of PostgreSQL) takes its time with it.
        cpu = {name: max(0, machine.cpu_seconds([pid]) - before[name]) / made * 1000 for name, pid in pids.items()}
        cpu["sipp"] = (carrier_cpu + machine.cpu_seconds(self.load.pids) - phone_before) / made * 1000
        return Run(variant, counted, watch.stop() if watch else [], cpu)


def show(run: Run, what: str) -> None:
    """Print one run."""
    delays = [delay * 1000 for delay in run.delays]
    times = (
        ", ".join(f"{machine.percentile(delays, share):.2f}" for share in (0.5, 0.95, 0.99, 0.999)) if delays else ""
    )
    cost = "  ".join(f"{name} {value:.2f}" for name, value in run.cpu.items())
    print(
        f"{run.variant:10} {what:>9}: {run.counted.rate:7,.0f} calls/s, {run.counted.failed} failed, "
        f"{run.counted.repeated} repeated{'; in switch p50, p95, p99, p99.9 ms: ' + times if times else ''}\n"
        f"{'':21} CPU ms per call: {cost}",
        flush=True,
    )


def main() -> None:
    """Start, alternate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, action="append", help="calls/s to offer; may be repeated (default: 1000)")
    parser.add_argument("--seconds", type=float, default=8, help="how long each load lasts (default: 8)")
    parser.add_argument("--rounds", type=int, default=2, help="how often the variants alternate (default: 2)")
    parser.add_argument("--at-once", type=int, default=150, help="calls kept up for the highest rate; 0: leave it out")
    parser.add_argument("--lines", type=int, default=20, help="numbers called in turn (default: 20)")
    parser.add_argument("--variants", default="bare,product", help=f"of {', '.join(VARIANTS)}")
    asked = parser.parse_args()
    variants = [name.strip() for name in asked.variants.split(",")]
    rates = asked.rate if asked.rate is not None else [1000]
    print(machine.describe(), flush=True)
    with product() as stack:
        from launcher.ports import free_port

        phone = (PHONE[0], free_port(PHONE[0]))
        load = Load(stack.folder.root, (stack.sip_host, stack.sip_port), CARRIER, phone)
        lines = configure(stack, asked.lines)
        load.prepare([number for number, _, _ in lines])
        bench = Bench(stack, load, asked.at_once)
        register(stack, lines, phone)
        load.answer()
        try:
            for _ in range(asked.rounds):
                for variant in variants:
                    bench.begin(variant)
                    for rate in rates:
                        show(bench.measure(variant, rate, asked.seconds), f"{rate:,}/s")
                    if asked.at_once:
                        show(bench.measure(variant, 0, asked.seconds), "most")
        finally:
            load.hang_up()


if __name__ == "__main__":
    main()
