"""Postings move balances exactly, once per key, whoever posts at the same moment."""

import datetime as dt
import random
import uuid
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.choices import EntryKind
from billing.ledger import prove_balances
from billing.models import Balance, LedgerEntry
from billing.posting import CallLeg, Posting, lock_balances, post
from billing.services import open_balance, record_payment
from tests.inventory import a_user, at_the_same_moment

CENT = Decimal("0.01")
NOW = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)


def charge(balance: Balance, amount: Decimal | str, key: str, at: dt.datetime | None = None) -> Posting:
    return Posting(balance.pk, EntryKind.CHARGE, -Decimal(amount), key, at)


def amounts(*balances: Balance) -> list[Decimal]:
    found = Balance.objects.in_bulk([balance.pk for balance in balances])
    return [found[balance.pk].amount for balance in balances]


@pytest.mark.django_db
def test_a_batch_is_booked_in_its_order_with_running_balances() -> None:
    first, second = open_balance(currency="USD"), open_balance(currency="EUR")
    call = CallLeg(uuid.uuid4(), NOW, "account")
    entries = post([
        charge(first, "1.5", "a"), charge(second, "2", "b"),
        Posting(first.pk, EntryKind.CHARGE, Decimal("-0.0000005"), "c", note=" to +44 ", call=call),
    ])  # fmt: skip
    assert [entry.balance_after for entry in entries] == [Decimal("-1.5"), Decimal(-2), Decimal("-1.500001")]
    assert amounts(first, second) == [Decimal("-1.500001"), Decimal(-2)]
    stored = LedgerEntry.objects.get(pk=entries[2].pk)
    assert (stored.note, stored.attempt_id, stored.started_at, stored.leg) == ("to +44", *call)
    assert not list(prove_balances())


@pytest.mark.django_db
def test_what_is_posted_again_is_the_same_entry_and_moves_nothing() -> None:
    balance = open_balance(currency="USD")
    [first] = post([charge(balance, "1", "a")])
    again = post([charge(balance, "2", "b"), charge(balance, "1", "a"), charge(balance, "2", "b")])
    assert (again[1].pk, again[0].pk) == (first.pk, again[2].pk)
    assert amounts(balance) == [Decimal(-3)]
    assert LedgerEntry.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("amount", ["1.000001", "-1"])
def test_a_key_of_another_movement_is_refused_and_nothing_is_posted(amount: str) -> None:
    balance, other = open_balance(currency="USD"), open_balance(currency="USD")
    post([charge(balance, "1", "a")])
    for wrong in (charge(balance, amount, "a"), charge(other, "1", "a")):
        with pytest.raises(ValidationError, match="already been used"), transaction.atomic():
            post([charge(other, "5", "new"), wrong])
    assert amounts(balance, other) == [Decimal(-1), Decimal(0)]


@pytest.mark.django_db
@pytest.mark.parametrize("amount", ["1e12", "-1e12", "999999999999", "1e40", "NaN"])
def test_an_amount_that_no_balance_holds_is_refused(amount: str) -> None:
    balance = open_balance(currency="USD")
    post([charge(balance, "1", "a")])
    with pytest.raises(ValidationError, match="digits"), transaction.atomic():
        post([charge(balance, amount, "b")])
    assert amounts(balance) == [Decimal(-1)]


@pytest.mark.django_db
def test_a_clock_that_steps_back_books_nothing_before_the_last_entry() -> None:
    balance = open_balance(currency="USD")
    hour = dt.timedelta(hours=1)
    post([charge(balance, "1", "a", NOW)])
    late, next_one = post([charge(balance, "1", "b", NOW - hour), charge(balance, "1", "c", NOW + hour)])
    assert (late.at, next_one.at) == (NOW, NOW + hour)
    assert Balance.objects.get(pk=balance.pk).moved_at == NOW + hour


@pytest.mark.django_db
def test_nothing_is_booked_ahead_of_the_clock() -> None:
    balance, begun = open_balance(currency="USD"), timezone.now()
    [entry] = post([charge(balance, "1", "a", begun + dt.timedelta(days=400))])
    assert begun <= entry.at <= timezone.now()


@pytest.mark.django_db
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.decimals(-9999, 9999, places=6), st.integers(0, 12)), min_size=1, max_size=30
    ),
    st.integers(1, 7),
)
def test_any_cut_and_repeat_sums_up_exactly(moves: list[tuple[int, Decimal, int]], size: int) -> None:
    balances = [open_balance(currency="USD") for _ in range(3)]
    unique = {f"{balances[which].pk}:{number}": (which, amount) for which, amount, number in moves}
    run = random.Random(size)
    told = [charge(balances[which], amount, key) for key, (which, amount) in unique.items()]
    told += run.choices(told, k=5)
    run.shuffle(told)
    for start in range(0, len(told), size):
        post(told[start : start + size])
    expected = [-sum((a for w, a in unique.values() if w == which), Decimal(0)) for which in range(3)]
    assert amounts(*balances) == expected
    assert not list(prove_balances())


@pytest.mark.django_db(transaction=True)
def test_many_who_post_to_the_same_balances_neither_deadlock_nor_lose_a_cent() -> None:
    actor = a_user()
    balances = [open_balance(currency="USD") for _ in range(5)]

    def work(worker: int) -> None:
        order = random.Random(worker)
        for turn in range(15):
            some = order.sample(balances, 4)
            with transaction.atomic():
                # Half of the keys are everybody's: each of those counts once.
                post([
                    charge(balance, CENT, f"{balance.pk}:{turn}" if turn % 2 else f"{balance.pk}:{turn}:{worker}")
                    for balance in some
                ])  # fmt: skip
            record_payment(actor=actor, balance=some[0], amount=CENT, idempotency_key=f"{worker}:{turn}")

    assert at_the_same_moment(*(lambda n=n: work(n) for n in range(6))) == [None] * 6
    entries = LedgerEntry.objects.all()
    assert entries.filter(kind="payment").count() == 6 * 15
    assert entries.filter(kind="charge", idempotency_key__regex=r"^\d+:\d+:\d+$").count() == 6 * 8 * 4
    assert sum(amounts(*balances)) == sum(entry.amount for entry in entries)
    assert not list(prove_balances())
    for balance in balances:
        in_order = list(LedgerEntry.objects.filter(balance=balance).order_by("id"))
        assert in_order == sorted(in_order, key=lambda entry: (entry.at, entry.pk))


@pytest.mark.django_db
def test_locking_names_only_what_exists() -> None:
    balance = open_balance(currency="EUR")
    assert lock_balances([]) == {}
    assert lock_balances([balance.pk, balance.pk, balance.pk + 1_000_000]) == {
        balance.pk: (balance.pk, "EUR", Decimal(0), None)
    }
