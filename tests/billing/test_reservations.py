"""Reservations: what the deciders' SQL functions set aside, extend and answer, against the pure formulas."""

import datetime as dt
import json
import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st
from psycopg2.errors import LockNotAvailable

from billing import reservations
from billing.metering.models import MeteredCall
from billing.models import Balance, FreeSeconds, Reservation
from billing.posting import lock_balances
from billing.rating import NOTHING, SECOND, amount_of, quantum, rounded_up_seconds
from routing.decision import LONGEST_STEP
from tests.inventory import at_the_same_moment

pytestmark = pytest.mark.django_db

QUANTUM, BEYOND = 60, 2
MONTH = "2026-11-01"
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


class Price:
    """A rate of plain values."""

    grace = 0

    def __init__(self, minute: str = "0.06", call: str = "0", increment: int = 1, minimal: int = 0) -> None:
        self.rate_minute, self.rate_call = Decimal(minute), Decimal(call)
        self.increment, self.minimal_duration = increment, minimal


def a_balance(amount: str = "1", limit: str = "0", currency: str = "USD") -> Balance:
    return Balance.objects.create(currency=currency, amount=Decimal(amount), credit_limit=Decimal(limit))


def leg(balance: Balance, price: Price | None = None, name: str = "account", **more: Any) -> dict[str, Any]:
    price = price or Price()
    return {
        "leg": name, "balance": balance.pk, "currency": "USD", "minute": str(price.rate_minute),
        "call": str(price.rate_call), "increment": price.increment, "minimal": price.minimal_duration, "free": None,
    } | more  # fmt: skip


def bucket(granted: int, account: int = 7, did: int | None = None) -> dict[str, Any]:
    return {"account": account, "did": did, "month": MONTH, "granted": granted}


def ask(*legs: dict[str, Any], attempt: uuid.UUID | None = None, most: int = 14400) -> dict[str, Any]:
    return {
        "attempt": str(attempt or uuid.uuid4()), "switch": "sw1", "at": NOW.timestamp(), "max": most,
        "legs": list(legs),
    }  # fmt: skip


def reserve(*calls: dict[str, Any]) -> list[tuple[bool, str, int, list[str]]]:
    """Return refused, lacking, seconds and legs of each call, in the order asked.

    Asks again where others hold a lock for longer than the statement waits, as they may on a busy machine.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM metering_reserve(%s::jsonb, %s, %s)", [json.dumps(calls), QUANTUM, BEYOND])
            answers = {str(row[0]): tuple(row[1:]) for row in cursor.fetchall()}
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            return reserve(*calls)
        raise
    return [answers[call["attempt"]] for call in calls]


def answer(call: dict[str, Any], at: dt.datetime = NOW) -> None:
    MeteredCall.objects.filter(pk=call["attempt"]).update(answered_at=at, dialog_entry=1, dialog_id=2)


def extend(after: float, horizon: float = 32) -> list[tuple[Any, ...]]:
    """Return attempt, seconds and lacking of calls whose cover changed, so many seconds after NOW."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attempt, seconds, lacking FROM metering_extend('sw1', %s, %s * interval '1 second', %s, %s)",
            [NOW + dt.timedelta(seconds=after), horizon, QUANTUM, BEYOND],
        )
        return [(str(attempt), seconds, lacking) for attempt, seconds, lacking in cursor.fetchall()]


def held(balance: Balance) -> Decimal:
    """Return what is reserved; it must be what the reservations add up to."""
    balance.refresh_from_db()
    rows = Reservation.objects.filter(balance=balance, state="held")
    assert balance.reserved == sum((row.amount for row in rows), NOTHING)
    return balance.reserved


def close(*calls: dict[str, Any]) -> set[uuid.UUID]:
    """Release what calls hold that are over and cost nothing."""
    return reservations.release([uuid.UUID(call["attempt"]) for call in calls])


money = st.decimals("0", "20", places=6)
prices = st.builds(
    lambda minute, call, increment, minimal: Price(str(minute), str(call), increment, minimal),
    money, money, st.integers(1, 120), st.integers(0, 300),
)  # fmt: skip


@given(prices, st.integers(0, 100_000), st.integers(0, 100_000))
def test_the_database_reckons_as_the_rating_does(price: Price, seconds: int, free: int) -> None:
    """Rounded seconds, the price of so many, and of those beyond free ones: the same to the last digit."""
    whole = rounded_up_seconds(price, seconds * SECOND)
    least = price.minimal_duration or price.increment
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT metering_rounded(%s, %s, %s), metering_hold(%s, %s, %s, %s, %s), "
            "metering_due(%s, %s, %s, %s, %s, %s), metering_whole(%s, %s, %s)",
            [
                seconds, price.minimal_duration, price.increment,
                price.rate_call, price.rate_minute, price.minimal_duration, price.increment, whole,
                price.rate_call, price.rate_minute, price.minimal_duration, price.increment, whole, free,
                seconds, price.minimal_duration, price.increment,
            ],
        )  # fmt: skip
        rounded, hold, due, fits = cursor.fetchone()
    assert rounded == whole
    assert hold == max(amount_of(price, whole), amount_of(price, least))
    if free >= whole:
        assert due == (0 if free else hold)
    elif free:
        assert due == amount_of(price, whole - free)
    assert fits <= seconds
    assert fits == 0 or rounded_up_seconds(price, fits * SECOND) == fits
    assert fits + price.increment > seconds or seconds < price.minimal_duration


@given(prices)
def test_the_first_quantum_is_the_rating_s(price: Price) -> None:
    with transaction.atomic():
        balance = a_balance("1000000")
        reserve(ask(leg(balance, price)))
        assert held(balance) == max(
            quantum(price, QUANTUM), amount_of(price, price.minimal_duration or price.increment)
        )
        transaction.set_rollback(True)


def test_both_legs_or_none() -> None:
    """The second leg has no funds: the first keeps what it had, and the answer names who lacks them."""
    carrier, account = a_balance("1"), a_balance("0.06")
    call = ask(leg(carrier, name="carrier"), leg(account))
    assert reserve(call) == [(True, "account", 0, [])]
    assert (held(carrier), held(account), Reservation.objects.count()) == (0, 0, 0)
    Balance.objects.update(amount=5)
    # A refusal is remembered: the other decider says the same, though there are funds by now.
    assert reserve(call) == [(True, "account", 0, [])]
    assert reserve(ask(leg(carrier, name="carrier"), leg(account))) == [(False, "", 61, ["carrier", "account"])]
    assert (held(carrier), held(account)) == (Decimal("0.061"), Decimal("0.061"))


def test_the_same_attempt_reserves_once() -> None:
    balance = a_balance("10")
    call = ask(leg(balance))
    assert reserve(call) == reserve(call) == [(False, "", 61, ["account"])]
    assert held(balance) == Decimal("0.061")


def test_a_batch_never_takes_more_than_there_is() -> None:
    """Twenty calls in one statement, funds for exactly ten, the credit limit counted in."""
    balance = a_balance("0.305", "0.305")
    answers = reserve(*(ask(leg(balance)) for _ in range(20)))
    assert sorted(refused for refused, *_ in answers) == [False] * 10 + [True] * 10
    assert held(balance) == Decimal("0.61") == balance.amount + balance.credit_limit


def test_money_in_another_currency_is_no_money() -> None:
    assert reserve(ask(leg(a_balance("10", currency="EUR")))) == [(True, "account", 0, [])]
    assert reserve(ask(leg(Balance(pk=0)))) == [(True, "account", 0, [])]


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (Price("0", "0.5"), ("0.5", 14402)),  # once for all: nothing more is ever asked
        (Price("-0.6", "0.5"), ("0.49", 14402)),  # the first second is the dearest
        (Price("0.6", "0", 60), ("1.2", 120)),
        (Price("0.6", "0.1", 6, 30), ("0.76", 66)),
    ],
)
def test_what_a_quantum_holds_and_covers(price: Price, expected: tuple[str, int]) -> None:
    balance = a_balance("10")
    ((_, _, seconds, _),) = reserve(ask(leg(balance, price)))
    assert (held(balance), seconds) == (Decimal(expected[0]), expected[1])


def test_a_call_is_extended_before_its_cover_ends() -> None:
    balance = a_balance("10")
    call = ask(leg(balance))
    reserve(call)
    assert extend(0) == []  # nobody has answered yet
    answer(call)
    assert extend(28) == []
    assert extend(30) == [(call["attempt"], 121, "")]
    assert held(balance) == Decimal("0.121")
    assert extend(30) == []
    MeteredCall.objects.update(over_at=NOW)
    assert extend(100) == []


def test_partial_funds_buy_whole_increments_and_a_payment_extends() -> None:
    balance = a_balance("0.0999")
    call = ask(leg(balance))
    reserve(call)
    answer(call)
    assert extend(40) == [(call["attempt"], 99, "account")]
    assert held(balance) == Decimal("0.099")
    assert extend(80) == []  # still lacking: the switch knows
    Balance.objects.update(amount=5)
    assert extend(80) == [(call["attempt"], 159, "")]
    Balance.objects.update(amount=0)
    assert extend(140) == [(call["attempt"], 159, "account")]
    Balance.objects.update(amount=5)
    assert extend(141) == [(call["attempt"], 219, "")]


def test_the_poorer_leg_ends_the_call_and_the_other_holds_no_more_than_that() -> None:
    carrier, account = a_balance("10"), a_balance("0.2")
    call = ask(leg(carrier, Price("0.06", increment=30), "carrier"), leg(account, Price("0.06", "0.1")))
    reserve(call)
    answer(call)
    assert extend(50) == [(call["attempt"], 100, "account")]
    assert (held(carrier), held(account)) == (Decimal("0.12"), Decimal("0.2"))


def test_a_call_is_not_extended_past_its_longest_duration() -> None:
    balance = a_balance("10")
    call = ask(leg(balance), most=100)
    reserve(call)
    answer(call)
    assert extend(50) == [(call["attempt"], 102, "")]
    assert extend(99) == []


def test_free_seconds_are_held_first() -> None:
    balance = a_balance("0.05")
    first, second, third = (ask(leg(balance, free=bucket(100))) for _ in range(3))
    assert [answer[:3] for answer in reserve(first, second)] == [(False, "", 61), (False, "", 61)]
    # Wholly free; then 39 seconds free and 22 to pay.
    assert [row.amount for row in Reservation.objects.order_by("id")] == [0, Decimal("0.022")]
    assert (held(balance), FreeSeconds.objects.get().held) == (Decimal("0.022"), 100)
    assert reserve(third) == [(True, "account", 0, [])]
    assert FreeSeconds.objects.get().held == 100
    close(first)
    assert FreeSeconds.objects.get().held == 39
    answer(second)
    assert extend(30) == [(second["attempt"], 121, "")]
    assert (FreeSeconds.objects.get().held, held(balance)) == (100, Decimal("0.021"))
    close(second)
    assert (FreeSeconds.objects.get().held, held(balance)) == (0, 0)


def test_free_seconds_of_a_did_and_of_a_product_are_apart() -> None:
    balance = a_balance("0")
    reserve(ask(leg(balance, free=bucket(61))), ask(leg(balance, free=bucket(61, did=5))))
    assert sorted(FreeSeconds.objects.values_list("did_id", "held"), key=str) == [(5, 61), (None, 61)]


def test_without_funds_a_call_lasts_as_long_as_its_free_seconds() -> None:
    balance = a_balance("0")
    call = ask(leg(balance, Price("0.06", "0.01"), free=bucket(90)))
    reserve(call)
    answer(call)
    assert extend(30) == [(call["attempt"], 90, "account")]
    assert (FreeSeconds.objects.get().held, held(balance)) == (90, 0)


def test_closing_gives_back_and_tells_what_was_charged() -> None:
    balance = a_balance("10")
    answered, failed = ask(leg(balance)), ask(leg(balance))
    reserve(answered, failed)
    attempts = [uuid.UUID(call["attempt"]) for call in (answered, failed)]
    with transaction.atomic():
        lock_balances(reservations.held_balances(attempts))
        assert reservations.close(attempts, charged=attempts[:1]) == set(attempts)
    assert held(balance) == 0
    states = dict(Reservation.objects.values_list("attempt_id", "state"))
    assert [states[attempt] for attempt in attempts] == ["charged", "released"]
    assert close(answered, failed) == set()
    # What is over is not extended, and asking again reserves nothing.
    answer(answered)
    assert extend(50) == []
    reserve(answered)
    assert held(balance) == 0


def test_prune_keeps_what_may_be_asked_for() -> None:
    balance = a_balance("0.061")
    refused, closed, live = (ask(leg(balance)) for _ in range(3))
    reserve(closed)
    reserve(refused)
    close(closed)
    reserve(live)
    now = dt.datetime.now(dt.UTC)
    assert reservations.prune(now) == 0
    assert reservations.prune(now + dt.timedelta(hours=1)) == 1
    assert reservations.prune(now + dt.timedelta(days=8)) == 1
    assert [str(pk) for pk in MeteredCall.objects.values_list("pk", flat=True)] == [live["attempt"]]
    assert Reservation.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_deciders_at_the_same_moment() -> None:
    """Both ask about the same calls, legs crossed, while the worker closes some: no deadlock, one hold."""
    balances = [a_balance("1") for _ in range(3)]
    calls = [ask(leg(balances[n % 3], name="carrier"), leg(balances[(n + 1) % 3])) for n in range(60)]

    def decide(order: Iterable[dict[str, Any]]) -> list[Any]:
        batch = list(order)
        return [reserve(*batch[at : at + 10]) for at in range(0, len(batch), 10)]

    results = at_the_same_moment(
        lambda: decide(calls), lambda: decide(reversed(calls)), lambda: [close(*calls[at::7]) for at in range(7)]
    )
    assert not [result for result in results if isinstance(result, Exception)], results
    close(*calls)
    for balance in balances:
        assert held(balance) == 0
    assert Reservation.objects.filter(state="held").count() == 0
    assert MeteredCall.objects.count() == len(calls)


@pytest.mark.django_db(transaction=True)
def test_at_the_same_moment_nothing_is_taken_twice() -> None:
    """Four sessions reserve for twenty calls each, funds for ten in all: whoever waited sees what is left."""
    balance = a_balance("0.61")
    results = at_the_same_moment(
        *(lambda: [reserve(ask(leg(balance)), ask(leg(balance))) for _ in range(10)] for _ in range(4))
    )
    answers = [answer for result in results for pair in result for answer in pair]
    assert (len(answers), sum(not refused for refused, *_ in answers)) == (80, 10)
    assert held(balance) == balance.amount


def test_steps_of_a_year_are_within_what_the_statement_reckons_with() -> None:
    balance = a_balance("1000000")
    price = Price("0.000001", increment=LONGEST_STEP, minimal=LONGEST_STEP)
    call = ask(leg(balance, price))
    assert reserve(call)[0][:2] == (False, "")
    answer(call)
    extend(after=2 * LONGEST_STEP - 10)
    assert held(balance) > 0


FUNCTIONS = ("metering_reserve", "metering_reserve_free")


def synced(function: str, *calls: dict[str, Any]) -> bool:
    """Ask in a transaction of its own; tell whether its commit waits for the disk."""
    with transaction.atomic(), connection.cursor() as cursor:
        # The tests' own server does not sync.
        cursor.execute("SET LOCAL synchronous_commit TO on")
        cursor.execute(f"SELECT * FROM {function}(%s::jsonb, %s, %s)", [json.dumps(calls), QUANTUM, BEYOND])
        cursor.execute("SHOW synchronous_commit")
        return bool(cursor.fetchone()[0] != "off")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_who_wrote_nothing_does_not_wait_for_the_disk(function: str) -> None:
    """What was let in, refused, or counted as free, is on disk before anybody acts on it."""
    balance, poor = a_balance("1"), a_balance("0")
    taken, refused = ask(leg(balance)), ask(leg(poor))
    free = ask(leg(balance, free=bucket(600)))
    for call in (taken, refused, free):
        assert synced(function, call), "it wrote an answer"
        assert not synced(function, call), "it repeats one"
    assert not synced(function, taken, refused, free)
    assert synced(function, taken, ask(leg(balance)), refused), "one of them is new"
    assert synced(function, refused, ask(leg(poor))), "one of them is newly refused"
    assert synced(function, ask(leg(balance))), "the same connection's next transaction waits again"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_repeat_that_made_a_month_of_free_seconds_waits_for_the_disk(function: str) -> None:
    """A decider that knows a newer price finds the other's answer only after it has made the month's row.

    The other's answer is made visible in that moment by a trigger of the table.
    """
    call = ask(leg(a_balance("1"), free=bucket(600)))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""CREATE FUNCTION pg_temp.answer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO metering_meteredcall (attempt_id, switch, started_at, refused, lacking, seconds, max_seconds)
            VALUES ('{call["attempt"]}', 'sw1', now(), false, '', 60, 60);
            RETURN NULL; END $$;
            CREATE TRIGGER answer AFTER INSERT ON billing_freeseconds EXECUTE FUNCTION pg_temp.answer()"""
        )
    try:
        assert synced(function, call)
        assert FreeSeconds.objects.count() == 1
        assert not synced(function, call)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER answer ON billing_freeseconds")
