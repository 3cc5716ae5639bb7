"""Print how fast ended calls are charged to the ledger.

    DATABASE_URL=… REDIS_URL=… python -m bench.charge --accounts 10 10000 --workers 1 2

In a database of its own, which it makes and drops. Each call costs its account something (a rate per minute with six
decimals) and earns its carrier something, so each makes two charged legs and two ledger entries; the carrier's balance
is one that all calls move. First the step alone: CDRs that stand already are locked and charged in batches of 500, as
the consumer does it, each batch a transaction. Then the whole way, from the stream's five events a call to committed
CDR, log and ledger. In the end the ledger is checked.
"""

import argparse
import datetime as dt
import multiprocessing
import os
import time
import uuid
from collections.abc import Iterator
from typing import Any

from bench.fill import model_defaults
from bench.ingest import backlog, own_stream
from bench.scratch import add_options, filled_database

BATCH = 500  # systemlog.consumer.BATCH
FIRST = 449_000_000_000
TALK = 36.4

# One carrier with one address; per account a balance, an alias and a DID that rings it.
ROUTES = """
WITH balances AS (
    INSERT INTO billing_balance (currency, amount, credit_limit, reserved)
    SELECT 'USD', 0, 0, 0 FROM generate_series(1, %(many)s) RETURNING id
), client AS (
    INSERT INTO accounts_client (name, email, notes) VALUES (%(name)s, '', '') RETURNING id
), accounts AS (
    INSERT INTO accounts_account (client_id, name, state, balance_id, product_id)
    SELECT client.id, 'Account ' || balances.id, 'active', balances.id, %(product)s FROM balances, client RETURNING id
), aliases AS (
    INSERT INTO accounts_alias (account_id, username, ha1_md5, ha1_sha256, enabled, description, audio)
    SELECT id, %(name)s || '-' || id, repeat('0', 32), repeat('0', 64), true, '', 'automatic' FROM accounts
    RETURNING id, account_id
)
INSERT INTO dids_did (number, provider_number, carrier_id, alias_id, state, state_since, country, area, notes)
SELECT %(first)s + id, '', %(carrier)s, id, 'mapped', now(), 'GB', '', '' FROM aliases
"""


def fill_routes(accounts: int) -> list[dict[str, Any]]:
    """Make accounts that pay, each with a DID; return what a decider says of a call to each."""
    from django.db import connection

    from billing.choices import ProductKind
    from dids.models import DID
    from routing.store import snapshots
    from tests.inventory import a_carrier, a_product, a_user, an_address

    name = f"bench-{accounts}"
    actor = a_user(name=name)
    carrier = a_carrier(actor, name, is_did_provider=True)
    earns = a_product("USD", "-0.004321")
    address = an_address(actor, carrier, f"10.{accounts % 250}.0.0/24", product=earns)
    product = a_product("USD", "0.012345", ProductKind.ACCOUNT)
    with connection.cursor() as cursor, model_defaults(cursor):
        cursor.execute(
            ROUTES,
            {"many": accounts, "name": name, "product": product.pk, "carrier": carrier.pk, "first": FIRST},
        )
        cursor.execute("ANALYZE")
    snapshots.forget()
    with snapshots.at() as config:
        version = config.version
    dids = DID.objects.filter(carrier=carrier).values_list("pk", "number", "alias_id", "alias__account_id")
    return [
        {
            "version": version, "did_id": did, "number": number, "carrier_id": carrier.pk, "alias_id": alias,
            "carrier_account_id": address.pk, "account_id": account, "alias": "bench",
            "facts": {"credit": {str(carrier.balance_id): True}},
        }
        for did, number, alias, account in dids
    ]  # fmt: skip


def ended_calls(routes: list[dict[str, Any]], count: int) -> list[uuid.UUID]:
    """Store CDRs and attempts of ended calls that nobody charged yet, over the accounts in turn; return their ids."""
    from cdr.models import CDR
    from core.bulk import insert_rows
    from routing.models import Attempt

    start = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    attempts, records = [], []
    for number in range(count):
        route = routes[number * 7919 % len(routes)]
        attempt, at = uuid.uuid4(), start + dt.timedelta(milliseconds=number)
        answered = at + dt.timedelta(seconds=3)
        attempts.append({"attempt_id": attempt, "started_at": at, "config_version": route["version"]})
        records.append({
            "attempt_id": attempt, "started_at": at, "answered_at": answered, "reason": "completed",
            "ended_at": answered + dt.timedelta(seconds=TALK), "caller": "sip:441632960960@203.0.113.5",
            **{key: route[key] for key in ("number", "carrier_id", "carrier_account_id", "did_id", "account_id")},
        })  # fmt: skip
    blank = {"switch": "bench", "call_id": "", "reason": ""}
    fixed = blank | {"call": {}, "decider": "", "facts": {}, "decided_reason": "accepted", "differs": False}
    rows = [fixed | row for row in attempts]
    texts = {field.attname: "" for field in CDR._meta.concrete_fields if field.get_internal_type() == "CharField"} | {
        "traced": False
    }
    calls = [texts | blank | row for row in records]
    for at_once in range(0, count, 5000):
        insert_rows(Attempt, tuple(rows[0]), rows[at_once : at_once + 5000])
        insert_rows(CDR, tuple(calls[0]), calls[at_once : at_once + 5000])
    return [row["attempt_id"] for row in attempts]


def batches(ids: list[uuid.UUID]) -> Iterator[list[uuid.UUID]]:
    """Cut calls into batches, each sorted, as the consumer's are."""
    for start in range(0, len(ids), BATCH):
        yield sorted(ids[start : start + BATCH])


def charge_all(ids: list[uuid.UUID], begin: Any, spent: Any) -> None:
    """Charge these calls in a process of its own, batch by batch, once everybody is ready."""
    from django import db
    from django.db import transaction

    from cdr.charging import charge_calls
    from cdr.models import CDR
    from routing.store import snapshots

    db.connections.close_all()
    with snapshots.at():
        pass  # The first call of a worker's life waits for the configuration; the others do not.
    begin.wait()
    started = time.process_time()
    for batch in batches(ids):
        with transaction.atomic():
            charge_calls(list(CDR.objects.filter(attempt_id__any=batch).order_by("attempt_id").select_for_update()))
    with spent.get_lock():
        spent.value += time.process_time() - started


def charge_alone(routes: list[dict[str, Any]], calls: int, workers: int) -> float:
    """Charge ended calls by this many processes; print and return CDRs/s."""
    from django.db import connection

    from billing.models import LedgerEntry

    before = LedgerEntry.objects.count()
    ids = ended_calls(routes, calls)
    connection.close()
    begin, spent = multiprocessing.Barrier(workers + 1), multiprocessing.Value("d", 0.0)
    shares = [ids[number::workers] for number in range(workers)]
    processes = [multiprocessing.Process(target=charge_all, args=(share, begin, spent)) for share in shares]
    for process in processes:
        process.start()
    begin.wait()
    begun = time.perf_counter()
    for process in processes:
        process.join()
    seconds = time.perf_counter() - begun
    made = LedgerEntry.objects.count() - before
    assert made == 2 * calls, f"{made} entries of {calls} calls"
    rate = calls / seconds
    print(
        f"{len(routes):,} accounts, {workers} worker(s): {rate:,.0f} CDRs/s charged ({calls:,} CDRs, {made:,} entries "
        f"in {seconds:.1f} s; {spent.value * 1000 / calls:.2f} ms of the workers' CPU per CDR)"
    )
    return rate


def whole_way(routes: list[dict[str, Any]], calls: int, workers: int) -> None:
    """Work off a stream of answered calls; each of them is charged on both legs."""
    from billing.models import LedgerEntry
    from tests.calls import Call, line

    before = LedgerEntry.objects.count()
    begin = time.time() - 3600
    told = (
        event
        for number in range(calls)
        for event in Call(begin + number / 1000).answered(**routes[number * 7919 % len(routes)])
    )
    lines = [line(event) for event in sorted(told, key=lambda event: float(event["at"]))]
    with own_stream() as stream:
        rate = backlog(stream, lines, workers)
    made = LedgerEntry.objects.count() - before
    assert made == 2 * calls, f"{made} entries of {calls} calls"
    print(f"  which is {rate / 5:,.0f} calls/s from the stream to the ledger, {len(routes):,} accounts")


def main(arguments: list[str] | None = None) -> None:
    """Measure each number of accounts with each number of workers."""
    parser = argparse.ArgumentParser(prog="bench.charge", description=__doc__.partition("\n")[0])
    parser.add_argument("--accounts", type=int, nargs="+", default=[10, 10_000], help="accounts that pay, one run each")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="how many charge, one run each")
    parser.add_argument("--calls", type=int, default=20_000, help="ended calls to charge (%(default)s)")
    parser.add_argument(
        "--stream-calls", type=int, default=3_000, help="calls from the stream on (%(default)s; 0: none)"
    )
    add_options(parser, dids=0, cdrs=0)
    options = parser.parse_args(arguments)
    with filled_database(options):
        run(options)


def run(options: argparse.Namespace) -> None:
    """Measure in the database of Django's default connection."""
    from billing.ledger import check_ledger

    for accounts in options.accounts:
        routes = fill_routes(accounts)
        for workers in options.workers:
            charge_alone(routes, options.calls, workers)
        for workers in options.workers if options.stream_calls else ():
            whole_way(routes, options.stream_calls, workers)
    print(f"differences found by the ledger's check: {len(check_ledger())}")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
