"""Print what one decision costs, with how many DIDs and networks in memory: `python -m bench.decide --dids 1000000`.

Needs no server. "pure" is routing.evaluation.evaluate; "answered" adds reading the switch's JSON and writing ours, as
the decider does between its two socket calls.
"""

import argparse
import gc
import json
import os
import platform
import random
import resource
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voipbilling.settings")

import django

django.setup()

from routing.decider.judge import Judge, State  # noqa: E402
from routing.decision import Facts, InboundAttempt  # noqa: E402
from routing.evaluation import evaluate  # noqa: E402
from routing.rows import (  # noqa: E402
    Account,
    Alias,
    Carrier,
    CarrierAccount,
    Client,
    Did,
    Product,
    ProductMapping,
    Rate,
    RateTable,
)
from routing.snapshot import Snapshot  # noqa: E402

CARRIERS, ALIASES = 500, 20_000
FIRST_NUMBER = 442_000_000_000


def build(dids: int, networks: int) -> Snapshot:
    """Return an operator's configuration of this size; networks are /32 to /24 and IPv6 /64."""
    config = Snapshot()
    zero = Decimal("0.000000")
    config.fill("product", [Product(1, "free inbound", 1)])
    config.fill("product_mapping", [ProductMapping(1, 1, "", 1, 0, 1)])
    config.fill("rate_table", [RateTable(1, "free", "USD", 1)])
    config.fill("rate", [Rate(1, 1, "", True, zero, zero, 1, 0, 0, 1)])
    config.fill("carrier", [Carrier(n, f"Carrier {n}", True, True, n, 1) for n in range(1, CARRIERS + 1)])
    config.fill("client", [Client(1, "Client", 1)])
    config.fill("account", [Account(1, 1, "Account", "active", 999_999, None, None, None, 1)])
    config.fill("alias", [Alias(n, 1, f"alias-{n}", True, "automatic", 1) for n in range(1, ALIASES + 1)])
    config.fill("carrier_account", (network(n) for n in range(1, networks + 1)))
    config.fill(
        "did",
        (Did(n, FIRST_NUMBER + n, n % CARRIERS + 1, n % ALIASES + 1, "mapped", None, 1) for n in range(1, dids + 1)),
    )
    config.version = 1
    return config


def network(n: int) -> CarrierAccount:
    """Return the n-th network, of carrier n % CARRIERS + 1."""
    if n % 20 == 0:
        text = f"2001:db8:{n >> 16:x}:{n & 0xFFFF:x}::/64"
    else:
        # One block of 256 addresses each, of which the entry takes some.
        length = (32, 30, 28, 26, 24)[n % 5]
        text = f"{20 + (n >> 16)}.{n >> 8 & 0xFF}.{n & 0xFF}.0/{length}"
    return CarrierAccount(n, n % CARRIERS + 1, text, 1, "", "request_uri", "", (), None, True, "automatic", 1)


def calls(config: Snapshot, dids: int, networks: int, count: int) -> list[dict[str, Any]]:
    """Return calls of which most are let in, some come from elsewhere and some dial wrong."""
    chance = random.Random(1)
    made = []
    for at in range(count):
        account = config.carrier_account(chance.randrange(1, networks + 1))
        source = account.network.partition("/")[0]
        did = chance.randrange(1, dids + 1)
        # The DID of the same carrier that lies nearest.
        did = max(1, did - (did - account.carrier_id + 1) % CARRIERS)
        number = f"+{FIRST_NUMBER + did}"
        if at % 20 == 0:
            source = "198.51.100.7"
        elif at % 20 == 1:
            number = "+441999999999"
        made.append({
            "attempt": f"57c9e038-5ad6-4b2e-8a8e-{at:012d}", "at": "1795418480.747285", "source": source,
            "port": 5060, "transport": "udp", "received_on": "udp:192.0.2.1:5060", "ruri": f"sip:{number}@192.0.2.1",
            "to_uri": f"sip:{number}@192.0.2.1", "p_called_party_id": "", "from_uri": "sip:441632960960@h",
            "call_id": f"{at}@h", "user_agent": "SBC",
        })  # fmt: skip
    return made


def measure(name: str, work: Callable[[Any], Any], inputs: list[Any]) -> None:
    """Run the work on each input and print the rate and the percentiles."""
    for item in inputs[:1000]:
        work(item)
    took = []
    started = time.perf_counter()
    for item in inputs:
        before = time.perf_counter_ns()
        work(item)
        took.append(time.perf_counter_ns() - before)
    elapsed = time.perf_counter() - started
    took.sort()
    median, late = took[len(took) // 2] / 1000, took[len(took) * 99 // 100] / 1000
    print(f"{name:30} {len(inputs) / elapsed:>9,.0f}/s   median {median:6.1f} µs   99 % {late:6.1f} µs")


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dids", type=int, default=100_000)
    parser.add_argument("--networks", type=int, default=10_000)
    parser.add_argument("--calls", type=int, default=20_000)
    asked = parser.parse_args()
    print(
        f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}"
    )

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started = time.perf_counter()
    config = build(asked.dids, asked.networks)
    gc.collect()
    gc.freeze()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{asked.dids:,} DIDs, {asked.networks:,} networks: {time.perf_counter() - started:.1f} s to build, "
          f"{after - before:,.0f} MB ({after:,.0f} MB the whole process)")  # fmt: skip

    made = calls(config, asked.dids, asked.networks, asked.calls)
    facts = Facts(credit=dict.fromkeys(range(1, CARRIERS + 1), True))
    attempts = [InboundAttempt.from_call(call, "sw1") for call in made]
    measure("pure", lambda attempt: evaluate(attempt, config, facts, explain=False), attempts)
    measure("pure, explained", lambda attempt: evaluate(attempt, config, facts), attempts)
    measure("pure, explained, recorded", lambda attempt: evaluate(attempt, config, facts).record(), attempts)

    state = State()
    state.config, state.credit = config, dict(facts.credit)
    judge = Judge("bench", state, funds=None)  # type: ignore[arg-type]
    requests = [
        json.dumps({"op": "decide", "index": str(at), "label": "7", "switch": "sw1", "call": call}).encode()
        for at, call in enumerate(made)
    ]
    reasons: dict[str, int] = {}

    def reply(body: bytes) -> None:
        reason = json.loads(body)["reason"]
        reasons[reason] = reasons.get(reason, 0) + 1

    for body in requests:
        judge.receive(body, reply)
    measure("answered", lambda body: judge.receive(body, lambda answer: None), requests)
    print("verdicts:", ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items())))


if __name__ == "__main__":
    main()
