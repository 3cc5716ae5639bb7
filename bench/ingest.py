"""Print how fast events go from the stream into System Log, attempts and CDRs.

    DATABASE_URL=… REDIS_URL=… python -m bench.ingest --calls 5000 --workers 2

In a database of its own, which it makes and drops, and a stream of its own. First a full stream is worked off by the
given number of workers, each a process; half of its calls are refused, half answered, and their events stand in the
order of their times, so that a call's record is merged anew as it rings, is answered and ends. Then events come at a
steady rate, and the time from the stream to the commit is taken for each of their batches.
"""

import argparse
import multiprocessing
import os
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from bench.scratch import add_options, filled_database

EVENTS_PER_CALL = 4  # On average: a refused call has three, an answered one five.
SAMPLE_SECONDS = 0.02


def route() -> dict[str, Any]:
    """Return what a decider says of a call that it lets in; what it needs of configuration is made."""
    from billing.services import record_payment
    from dids.models import DID
    from routing.store import snapshots
    from tests.inventory import a_carrier, a_user, an_account, an_address, an_alias, some_dids

    did = DID.objects.filter(number="442079460018", alias__isnull=False).first()
    if did is None:
        actor = a_user(name="bench")
        carrier = a_carrier(actor, "Bench", is_did_provider=True)
        an_address(actor, carrier, "203.0.113.0/24")
        record_payment(actor=actor, balance=carrier.balance, amount=Decimal(10), idempotency_key="bench")
        [did] = some_dids(actor, carrier, "+442079460018")
        alias = an_alias(actor, an_account(actor, name="Bench", client="Bench"), "bench-1")
        DID.objects.filter(pk=did.pk).update(alias=alias, state="mapped")
        did.refresh_from_db()
    with snapshots.at() as config:
        version = config.version
    assert did.alias is not None
    return {
        "version": version, "did_id": did.pk, "carrier_id": did.carrier_id, "alias_id": did.alias_id,
        "carrier_account_id": did.carrier.accounts.get().pk, "account_id": did.alias.account_id, "alias": "bench-1",
        "facts": {"credit": {str(did.carrier.balance_id): True}},
    }  # fmt: skip


def events_of(count: int, rate: float, decided: dict[str, Any]) -> list[str]:
    """Return the events of calls that start at a rate, half refused and half answered, in the order of their times."""
    from tests.calls import Call, line

    begin = time.time() - count / rate - 60
    events = []
    for number in range(count):
        if number % 2:
            events += Call(begin + number / rate).answered(**decided)
        else:
            call = Call(begin + number / rate, source="198.51.100.9")
            events += call.refusal("source_not_listed", 403, 21, number="", version=decided["version"])
    return [line(event) for event in sorted(events, key=lambda event: float(event["at"]))]


def consume(name: str, stop: threading.Event, latencies: list[float]) -> None:
    """Run one consumer until told to stop, noting the latency of each batch."""
    from systemlog.consumer import Consumer

    consumer = Consumer(name, stop)
    take_group = consumer.take_group

    def timed(group: list[Any]) -> list[str]:
        done = take_group(group)
        if group:
            latencies.append(consumer.figures.latency_ms)
        return done

    consumer.take_group = timed  # type: ignore[method-assign]
    consumer.run()


def work(name: str, until: Any) -> None:
    """Consume in a process of its own, with as many consumers as a worker has."""
    from django import db

    from systemlog.threads import consumer_names

    db.connections.close_all()
    stop = threading.Event()
    threads = [threading.Thread(target=consume, args=(each, stop, [])) for each in consumer_names(name)]
    for thread in threads:
        thread.start()
    until.wait()
    stop.set()
    for thread in threads:
        thread.join()


@contextmanager
def own_stream() -> Iterator[Any]:
    """Yield a stream beside the product's, and remove it in the end."""
    from django.conf import settings

    from systemlog.stream import EventStream

    settings.EVENT_STREAM = f"bench:{os.getpid()}"
    stream = EventStream("bench")
    try:
        yield stream
    finally:
        stream.client.delete(stream.key, stream.failures_key)


def seen_events() -> int:
    """Return how many events of calls are committed."""
    from systemlog.models import SeenEvent

    return SeenEvent.objects.filter(event_id__startswith="sw1:").count()


def backlog(stream: Any, lines: list[str], workers: int) -> float:
    """Work a full stream off; print and return events/s, from the first commit on to the last."""
    from django.db import connection

    for start in range(0, len(lines), 5000):
        stream.add(lines[start : start + 5000])
    before, spent_before = seen_events(), cpu_of_children()
    connection.close()
    until = multiprocessing.Event()
    processes = [multiprocessing.Process(target=work, args=(f"bench-{n}", until)) for n in range(workers)]
    for process in processes:
        process.start()
    # Rows are counted by the consumers' own group, since counting a table of millions would be a load of its own.
    while not (first := done(stream)):
        time.sleep(SAMPLE_SECONDS)
    begun = time.perf_counter()
    while done(stream) < len(lines):
        time.sleep(SAMPLE_SECONDS)
    seconds = time.perf_counter() - begun
    until.set()
    for process in processes:
        process.join()
    taken = seen_events() - before
    assert taken == len(lines), f"{taken} of {len(lines)} events were taken"
    spent = (cpu_of_children() - spent_before) * 1000 / taken
    rate = (taken - first) / seconds if seconds else 0.0
    print(
        f"{workers} worker(s): {rate:,.0f} events/s ({taken:,} events in {seconds:.1f} s after the first batch), "
        f"{spent:.2f} ms of the workers' CPU per event"
    )
    return rate


def cpu_of_children() -> float:
    """Return the CPU seconds of all processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def done(stream: Any) -> int:
    """Return how many of the stream's entries are acknowledged, so committed."""
    from redis.exceptions import ResponseError

    try:
        [group] = stream.client.xinfo_groups(stream.key)
    except (ResponseError, ValueError):
        return 0
    return int(group.get("entries-read") or 0) - int(group["pending"])


def paced(stream: Any, decided: dict[str, Any], rate: int, seconds: int) -> None:
    """Print the time from stream to commit at a steady rate of events."""
    stop, latencies = threading.Event(), []
    thread = threading.Thread(target=consume, args=("bench-paced", stop, latencies))
    thread.start()
    lines = events_of(rate * seconds // EVENTS_PER_CALL, rate / EVENTS_PER_CALL, decided)
    stream.add(lines[:1])  # The first event finds the snapshot not loaded yet.
    time.sleep(2)
    latencies.clear()
    begun = time.perf_counter()
    for number, text in enumerate(lines[1:]):
        time.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        stream.add([text])
    time.sleep(1)
    stop.set()
    thread.join()
    latencies.sort()
    p50, p99 = (latencies[int(len(latencies) * share)] for share in (0.5, 0.99))
    size = len(lines) / len(latencies)
    print(
        f"stream to commit at {rate} events/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {latencies[-1]:.1f} ms, "
        f"{size:.1f} events a batch"
    )


def main(arguments: list[str] | None = None) -> None:
    """Run both parts."""
    parser = argparse.ArgumentParser(prog="bench.ingest", description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=10_000, help="calls in the full stream (%(default)s)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="how many work it off, one run each")
    parser.add_argument("--rates", type=int, nargs="+", default=[100], help="steady rates, events/s")
    parser.add_argument("--seconds", type=int, default=20, help="how long at each of them (%(default)s)")
    add_options(parser, dids=0, cdrs=0)
    options = parser.parse_args(arguments)
    with filled_database(options, seen=True):
        run(options)


def run(options: argparse.Namespace) -> None:
    """Measure in the database of Django's default connection."""
    from routing.models import Attempt

    decided = route()
    for workers in options.workers:
        with own_stream() as stream:
            backlog(stream, events_of(options.calls, 1000, decided), workers)
    for rate in options.rates:
        with own_stream() as stream:
            paced(stream, decided, rate, options.seconds)
    print(f"attempts judged differently by decider and worker: {Attempt.objects.filter(differs=True)[:1000].count()}")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
