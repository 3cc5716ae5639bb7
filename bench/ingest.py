"""Print how fast events go from the stream into System Log, attempts and CDRs: bench/ingest.py [calls] [workers].

Uses DATABASE_URL (a database that may be filled) and REDIS_URL (database 0 is emptied). First a full stream is worked
off by the given number of consumers, each a process; then 100 events/s come in, and the time from the stream to the
commit is taken for each of their batches.
"""

import multiprocessing
import os
import resource
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voipbilling.settings")

import django

django.setup()

from decimal import Decimal  # noqa: E402

from django.db import connection  # noqa: E402

from billing.services import record_payment  # noqa: E402
from dids.models import DID  # noqa: E402
from routing.models import Attempt  # noqa: E402
from routing.store import snapshots  # noqa: E402
from systemlog.consumer import Consumer  # noqa: E402
from systemlog.models import SeenEvent  # noqa: E402
from systemlog.stream import EventStream  # noqa: E402
from tests.calls import Call, line  # noqa: E402
from tests.inventory import a_carrier, a_user, an_account, an_address, an_alias, some_dids  # noqa: E402

PACED_SECONDS = 10
PACED_CALLS = 20  # A second, five events each.


def consume(name: str, stop: threading.Event, latencies: list[float]) -> None:
    """Run one consumer until told to stop, noting the latency of each batch."""
    consumer = Consumer(name, stop)
    take_group = consumer.take_group

    def timed(group: list) -> list[str]:
        done = take_group(group)
        if group:
            latencies.append(consumer.figures.latency_ms)
        return done

    consumer.take_group = timed
    consumer.run()


def worker(name: str, until: object) -> None:
    """Consume in a process of its own."""
    django.db.connections.close_all()
    stop = threading.Event()
    thread = threading.Thread(target=consume, args=(name, stop, []))
    thread.start()
    until.wait()
    stop.set()
    thread.join()


def route() -> dict[str, int]:
    """Return what a decider says of a call that it lets in; what it needs of configuration is made."""
    did = DID.objects.filter(number="442079460018", alias__isnull=False).first()
    if did is None:
        actor = a_user()
        carrier = a_carrier(actor, "Bench", is_did_provider=True)
        an_address(actor, carrier, "203.0.113.0/24")
        record_payment(actor=actor, balance=carrier.balance, amount=Decimal(10), idempotency_key="bench")
        [did] = some_dids(actor, carrier, "+442079460018")
        alias = an_alias(actor, an_account(actor, client="Bench"), "bench-1")
        DID.objects.filter(pk=did.pk).update(alias=alias, state="mapped")
        did.refresh_from_db()
    with snapshots.at() as config:
        version = config.version
    return {
        "version": version, "did_id": did.pk, "carrier_id": did.carrier_id, "alias_id": did.alias_id,
        "carrier_account_id": did.carrier.accounts.get().pk, "account_id": did.alias.account_id, "alias": "bench-1",
        "facts": {"credit": {str(did.carrier.balance_id): True}},
    }  # fmt: skip


def calls(count: int, decided: dict[str, int]) -> list[str]:
    """Return the events of answered and refused calls, half and half, as a decider decided them."""
    lines = []
    for number in range(count):
        if number % 2:
            events = Call().answered(**decided)
        else:
            call = Call(source="198.51.100.9")
            events = call.refusal("source_not_listed", 403, 21, number="", version=decided["version"])
        lines += [line(event) for event in events]
    return lines


def backlog(stream: EventStream, decided: dict[str, int], count: int, workers: int) -> None:
    """Print how fast a full stream is worked off."""
    lines = calls(count, decided)
    for start in range(0, len(lines), 5000):
        stream.add(lines[start : start + 5000])
    before = SeenEvent.objects.count()
    connection.close()
    until = multiprocessing.Event()
    processes = [multiprocessing.Process(target=worker, args=(f"bench-{n}", until)) for n in range(workers)]
    for process in processes:
        process.start()
    while SeenEvent.objects.count() == before:
        time.sleep(0.01)
    begun, first = time.perf_counter(), SeenEvent.objects.count() - before
    while (taken := SeenEvent.objects.count() - before) < len(lines):
        time.sleep(0.05)
    seconds = time.perf_counter() - begun
    until.set()
    for process in processes:
        process.join()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = (used.ru_utime + used.ru_stime) * 1000 / taken
    print(
        f"{workers} worker(s): {(taken - first) / seconds:,.0f} events/s ({taken:,} events in {seconds:.1f} s), "
        f"{spent:.2f} ms of the workers' CPU per event"
    )


def paced(stream: EventStream, decided: dict[str, int]) -> None:
    """Print the time from stream to commit at a steady rate."""
    stop, latencies = threading.Event(), []
    thread = threading.Thread(target=consume, args=("bench-paced", stop, latencies))
    thread.start()
    time.sleep(1)
    latencies.clear()
    for _ in range(PACED_SECONDS * PACED_CALLS):
        for text in calls(2, decided)[-5:]:
            stream.add([text])
        time.sleep(1 / PACED_CALLS)
    time.sleep(1)
    stop.set()
    thread.join()
    latencies.sort()
    p50, p99 = (latencies[int(len(latencies) * share)] for share in (0.5, 0.99))
    print(
        f"stream to commit at {PACED_CALLS * 5} events/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {latencies[-1]:.1f}"
    )


def main() -> None:
    """Run both parts."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    workers = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    stream = EventStream("bench")
    stream.client.flushdb()
    decided = route()
    backlog(stream, decided, count, workers)
    paced(stream, decided)
    print(f"attempts judged differently by decider and worker: {Attempt.objects.filter(differs=True).count()}")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
