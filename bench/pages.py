"""Print the server's time and the number of queries of every list, with each of its filters, orders and pages.

    DATABASE_URL=… REDIS_URL=… python -m bench.pages --dids 100000 --cdrs 1000000

In a database of its own, filled for the purpose. The addresses are found, not named: every list and object page of the
portal, plain; every choice of every filter, samples of every search; every order; the second, a deep and the last
page; the export up to its first byte. Objects are taken twice: the busiest and a quiet one. The time is that of the
whole request inside one process (middleware, view, queries, template), without the network.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.addresses import Page, pages
from bench.scratch import add_options, filled_database

EXPECTED_MS = 100


@dataclass
class Timing:
    """What the requests of one page took."""

    page: Page
    status: int
    queries: int
    times_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    slowest_sql: tuple[float, str] = (0.0, "")

    @property
    def p50(self) -> float:
        return statistics.median(self.times_ms)

    @property
    def p95(self) -> float:
        return sorted(self.times_ms)[round(0.95 * (len(self.times_ms) - 1))]


def main(arguments: list[str] | None = None) -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(prog="bench.pages", description=__doc__.partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=10, help="requests of each page (%(default)s)")
    parser.add_argument("--only", default="", help="measure only pages whose line holds this text")
    parser.add_argument("--all", action="store_true", help="print every page, not only the slowest of each list")
    add_options(parser, dids=100_000, cdrs=1_000_000)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VOIPBILLING_DATA"] = folder  # Where the access log is spooled.
        with filled_database(options):
            run(options)


def run(options: argparse.Namespace) -> list[Timing]:
    """Measure in the database of Django's default connection; print and return what was found."""
    client = a_reader()
    timings = []
    print("  p50 ms   p95 ms   CPU ms queries  page")
    for page in pages():
        if options.only in str(page):
            timings.append(measure(client, page, options.repeat))
            if options.all:
                print(line_of(timings[-1]), flush=True)
    if not timings:
        print("no such page")
        return []
    if not options.all:
        for timing in worst_of_each(timings):
            print(line_of(timing))
    report(timings)
    return timings


def a_reader() -> Any:
    """Return a browser in which an administrator is logged in."""
    from django.conf import settings
    from django.test import Client

    from core.models import User

    # Without the manifest that collectstatic makes.
    plain = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    settings.STORAGES = settings.STORAGES | plain
    user, _ = User.objects.get_or_create(username="bench-reader", defaults={"role": "administrator"})
    client = Client(raise_request_exception=False, SERVER_NAME="localhost")
    client.force_login(user)
    return client


def measure(client: Any, page: Page, repeat: int) -> Timing:
    """Request one page several times; the first request also counts its queries."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        status, first = request(client, page)
    slowest = max(
        ((float(query["time"]) * 1000, query["sql"]) for query in captured.captured_queries), default=(0.0, "")
    )
    timing = Timing(page, status, len(captured), slowest_sql=slowest)
    # A page far off the mark shows so at once.
    for _ in range(repeat if first < 20 * EXPECTED_MS else 2):
        cpu = time.process_time()
        timing.times_ms.append(request(client, page)[1])
        timing.cpu_ms.append((time.process_time() - cpu) * 1000)
    return timing


def request(client: Any, page: Page) -> tuple[int, float]:
    """Return the status of one request and its time: to the end of the page, or to the first rows of an export."""
    begun = time.perf_counter()
    response = client.get(page.path, page.query)
    if response.streaming:
        next(iter(response.streaming_content))
    spent = (time.perf_counter() - begun) * 1000
    response.close()
    return response.status_code, spent


def worst_of_each(timings: list[Timing]) -> Iterator[Timing]:
    """Yield the slowest of the plain, filtered, ordered, paged and exported forms of each page."""
    worst: dict[tuple[str, str], Timing] = {}
    for timing in timings:
        key = (timing.page.name, timing.page.kind)
        if key not in worst or worst[key].p95 < timing.p95:
            worst[key] = timing
    yield from worst.values()


def line_of(timing: Timing) -> str:
    """Return one line of the table."""
    mark = "" if timing.status == 200 else f"  status {timing.status}"
    mark += "  SLOW" if timing.p95 > EXPECTED_MS else ""
    cpu = statistics.median(timing.cpu_ms)
    return f"{timing.p50:8.1f} {timing.p95:8.1f} {cpu:8.1f} {timing.queries:4d}  {timing.page}{mark}"


def report(timings: list[Timing]) -> None:
    """Print the sums, and the statements behind what was slow."""
    every = sorted(ms for timing in timings for ms in timing.times_ms)
    slow = [timing for timing in timings if timing.p95 > EXPECTED_MS]
    for timing in sorted(slow, key=lambda timing: -timing.p95)[:40]:
        milliseconds, sql = timing.slowest_sql
        print(f"slow: {line_of(timing)}\n      {milliseconds:.0f} ms of it: {sql[:1500]}")
    p50, p95, p99 = (every[int(share * (len(every) - 1))] for share in (0.5, 0.95, 0.99))
    print(
        f"{len(timings)} addresses, {len(every)} requests: p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms, "
        f"worst {every[-1]:.0f} ms; most queries {max(timing.queries for timing in timings)}"
    )
    print(f"{len(slow)} addresses with a p95 over {EXPECTED_MS} ms")


if __name__ == "__main__":
    main()
