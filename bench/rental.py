"""Print what it takes to rent, charge, suspend and resume many numbers.

    DATABASE_URL=… REDIS_URL=… python -m bench.rental --numbers 100000 --accounts 1000

In a database of its own, which it makes and drops. Each number is bought from one carrier and sold to one of the
accounts, so each has two terms and each month two charges and two ledger entries; the carrier's balance is one that
all numbers move. Then one month without funds: all are warned of, suspended, and resumed after the payments. In the
end the ledger is checked.
"""

import argparse
import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from bench.machine import describe
from bench.scratch import add_options, filled_database

FIRST = 449_000_000_000
DAY = dt.timedelta(days=1)

# As a bulk change maps them: a statement for 10,000 rows.
NUMBERS = """
INSERT INTO dids_did (number, provider_number, carrier_id, alias_id, state, state_since, country, area, notes,
    bought_plan_id, sold_plan_id)
SELECT %(first)s + n, '', %(carrier)s, a.id, 'mapped', now(), 'GB', '', '', %(bought)s, %(sold)s
FROM generate_series(%(from)s, %(to)s) n
JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM accounts_alias) a ON a.place = n %% %(accounts)s
"""


@contextmanager
def timed(what: str, count: int) -> Iterator[None]:
    """Print how long the block took, and how many of ``count`` that is a second."""
    start = time.monotonic()
    yield
    took = time.monotonic() - start
    print(f"{what:<58} {took:8.2f} s   {count / took:10,.0f}/s", flush=True)


def open_accounts(many: int) -> None:
    """Make accounts of one client, each with an alias."""
    from accounts.models import Account, Alias, Client
    from billing.models import Balance

    client = Client.objects.create(name="bench")
    balances = Balance.objects.bulk_create(Balance(currency="USD") for _ in range(many))
    accounts = Account.objects.bulk_create(
        Account(client=client, name=f"Account {balance.pk}", balance=balance) for balance in balances
    )
    Alias.objects.bulk_create(Alias(account=account, username=f"bench-{account.pk}") for account in accounts)


def pay(amount: Decimal) -> None:
    """Raise every account's balance."""
    from django.db import transaction

    from accounts.models import Account
    from billing.choices import EntryKind
    from billing.posting import Posting, post

    stamp = time.monotonic_ns()
    with transaction.atomic():
        post([
            Posting(balance, EntryKind.PAYMENT, amount, f"bench:{stamp}:{balance}")
            for balance in Account.objects.values_list("balance", flat=True)
        ])  # fmt: skip


def rent_numbers(numbers: int, accounts: int) -> None:
    """Make numbers that cost a carrier's plan and their accounts another one."""
    from django.db import connection

    from dids.plans.models import RentalPlan
    from tests.inventory import a_carrier, a_user

    carrier = a_carrier(a_user(name="bench"), "Bench", is_did_provider=True)
    sold = RentalPlan.objects.create(name="Sold", side="sold", currency="USD", monthly_fee=3, setup_fee=1)
    bought = RentalPlan.objects.create(name="Bought", side="bought", currency="USD", monthly_fee=Decimal("0.85"))
    open_accounts(accounts)
    with connection.cursor() as cursor:
        values = {"first": FIRST, "carrier": carrier.pk, "accounts": accounts, "bought": bought.pk, "sold": sold.pk}
        with timed("numbers added and mapped, terms opened by the triggers", numbers):
            for first in range(0, numbers, 10_000):
                cursor.execute(NUMBERS, values | {"from": first, "to": min(first + 10_000, numbers) - 1})
        cursor.execute("ANALYZE")


def run(numbers: int, accounts: int) -> None:
    """Take the steps and print each."""
    from django.db import connection

    from billing.ledger import check_ledger
    from core.business_time import day_of, day_start, month_of, next_month
    from dids.models import DID
    from dids.rentals.billing import book_charges, make_due
    from dids.rentals.dunning import follow_payments
    from dids.rentals.models import RentalCharge
    from dids.rentals.periods import days_in_month, share

    rent_numbers(numbers, accounts)
    each = numbers // accounts + 1
    now = dt.datetime.now(dt.UTC)
    today = day_of(now)
    first_month = share(Decimal(3), days_in_month(today) - today.day + 1, days_in_month(today))
    pay(each * (1 + first_month))
    step(numbers, "first month", now, make_due, book_charges)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    second = day_start(next_month(month_of(now)))
    with timed("a run with nothing to do (runs/s)", 1):
        make_due(now)
        book_charges(now)
        follow_payments(now)
    print("no funds for the second month:")
    step(numbers, "second month", second, make_due, book_charges)
    owing = RentalCharge.objects.filter(charged_at=None).count()
    with timed(f"  warned, {owing:,} charges unpaid", numbers):
        follow_payments(second)
    with timed("a run with all unpaid (runs/s)", 1):
        make_due(second)
        book_charges(second)
        follow_payments(second)
    with timed("  suspended after the grace", numbers):
        follow_payments(second + 8 * DAY)
    assert DID.objects.filter(state="suspended").count() > numbers * 0.9
    pay(Decimal(3 * each))
    with timed("  charged after the payment", numbers):
        book_charges(second + 8 * DAY)
    with timed("  resumed", numbers):
        follow_payments(second + 8 * DAY)
    assert not DID.objects.filter(state="suspended").exists()
    assert check_ledger() == []
    print(f"ledger checked, {RentalCharge.objects.count():,} charges")


def step(
    numbers: int, what: str, now: dt.datetime, due: Callable[[dt.datetime], int], book: Callable[[dt.datetime], int]
) -> None:
    """Let a month fall due and book what is payable."""
    start = time.monotonic()
    made = due(now)
    halfway = time.monotonic()
    booked = book(now)
    end = time.monotonic()
    for words, count, took in ((f"  {what}: fallen due", made, halfway - start), ("  booked", booked, end - halfway)):
        print(f"{f'{words}, {count:,} charges':<58} {took:8.2f} s   {count / took:10,.0f}/s", flush=True)


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, dids=0, cdrs=0)
    parser.add_argument("--numbers", type=int, default=100_000)
    parser.add_argument("--accounts", type=int, default=1_000)
    options = parser.parse_args()
    print(describe())
    with filled_database(options):
        run(options.numbers, options.accounts)


if __name__ == "__main__":
    main()
