"""Reservations: what the deciders' SQL functions set aside, extend and answer, against the pure formulas."""

import datetime as dt
import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from billing import reservations
from billing.metering.models import MeteredCall
from billing.models import Balance, FreeSeconds, Reservation
from billing.posting import lock_balances
from billing.rating import SECOND, amount_of, quantum, rounded_up_seconds
from routing.decision import LONGEST_STEP
from tests.billing.metering import (
    NOW,
    QUANTUM,
    Price,
    a_balance,
    answer,
    ask,
    bucket,
    close,
    extend,
    held,
    leg,
    reserve,
)
from tests.inventory import at_the_same_moment

pytestmark = pytest.mark.django_db

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
