"""Balances move by ledger entries only, each written once."""

from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import CommandError, call_command

from billing.ledger import check_ledger
from billing.models import Balance, LedgerEntry
from billing.services import open_balance, record_adjustment, record_payment, set_terms
from billing.tasks import prove_ledger
from core.choices import Role
from systemlog.models import LogEntry
from tests.inventory import a_carrier, a_user, at_the_same_moment


@pytest.mark.django_db
def test_a_payment_raises_the_balance_and_leaves_an_entry() -> None:
    actor, balance = a_user(), open_balance(currency="USD")
    entry = record_payment(actor=actor, balance=balance, amount=Decimal("10"), idempotency_key="a", note=" wire 7 ")
    assert balance.amount == entry.balance_after == Decimal("10")
    assert (entry.kind, entry.note, entry.actor) == ("payment", "wire 7", actor)
    assert not check_ledger()


@pytest.mark.django_db
def test_the_same_form_sent_twice_pays_once() -> None:
    actor, balance = a_user(), open_balance(currency="USD")
    entries = [record_payment(actor=actor, balance=balance, amount=Decimal(5), idempotency_key="a") for _ in range(2)]
    assert entries[0] == entries[1]
    assert balance.amount == Decimal(5)


@pytest.mark.django_db
@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity", "1e12"])
def test_what_is_no_payment_is_refused_and_changes_nothing(amount: str) -> None:
    balance = open_balance(currency="USD")
    with pytest.raises(ValidationError):
        record_payment(actor=a_user(), balance=balance, amount=Decimal(amount), idempotency_key="a")
    assert not LedgerEntry.objects.exists()


@pytest.mark.django_db
def test_a_key_used_for_another_payment_is_refused() -> None:
    actor, first, second = a_user(), open_balance(currency="USD"), open_balance(currency="USD")
    record_payment(actor=actor, balance=first, amount=Decimal(5), idempotency_key="a")
    for balance, amount in ((second, "5"), (first, "6")):
        with pytest.raises(ValidationError, match="already been used"):
            record_payment(actor=actor, balance=balance, amount=Decimal(amount), idempotency_key="a")
    assert Balance.objects.get(pk=second.pk).amount == 0


@pytest.mark.django_db
def test_only_an_administrator_adjusts_and_says_why() -> None:
    balance = open_balance(currency="USD")
    with pytest.raises(PermissionDenied):
        record_adjustment(actor=a_user(), balance=balance, amount=Decimal(-1), idempotency_key="a", note="typo")
    admin = a_user(Role.ADMINISTRATOR)
    with pytest.raises(ValidationError, match="Say why"):
        record_adjustment(actor=admin, balance=balance, amount=Decimal(-1), idempotency_key="a", note=" ")
    record_adjustment(actor=admin, balance=balance, amount=Decimal(-1), idempotency_key="a", note="typo")
    assert balance.amount == Decimal(-1)
    assert not check_ledger()


@pytest.mark.django_db
def test_a_credit_limit_is_never_negative() -> None:
    balance = open_balance(currency="usd")
    assert balance.currency == "USD"
    assert set_terms(actor=a_user(), balance=balance, credit_limit=Decimal(3)).in_credit
    with pytest.raises(ValidationError):
        set_terms(actor=a_user(), balance=balance, credit_limit=Decimal(-3))


@pytest.mark.django_db
def test_the_check_finds_an_edited_number_a_wrong_running_balance_and_a_wrong_reserve() -> None:
    actor = a_user()
    good, edited, running, reserve = (open_balance(currency="USD") for _ in range(4))
    for number, balance in enumerate((good, edited, running)):
        record_payment(actor=actor, balance=balance, amount=Decimal(5), idempotency_key=str(number))
    call_command("check_ledger")
    Balance.objects.filter(pk=edited.pk).update(amount=6)
    wrong = LedgerEntry.objects.get(balance=running)
    LedgerEntry.objects.filter(pk=wrong.pk).update(balance_after=4)
    Balance.objects.filter(pk=reserve.pk).update(reserved=1)
    found = {discrepancy.balance_id: str(discrepancy) for discrepancy in check_ledger()}
    assert set(found) == {edited.pk, running.pk, reserve.pk}
    assert "entries sum to 5" in found[edited.pk]
    assert f"from entry {wrong.pk}" in found[running.pk]
    assert "held reservations sum to 0" in found[reserve.pk]
    with pytest.raises(CommandError, match="3 differences"):
        call_command("check_ledger")


@pytest.mark.django_db(transaction=True)
def test_two_submissions_of_one_form_at_the_same_moment_pay_once() -> None:
    actor, balance = a_user(), open_balance(currency="USD")

    def pay() -> LedgerEntry:
        own = Balance.objects.get(pk=balance.pk)
        return record_payment(actor=actor, balance=own, amount=Decimal(5), idempotency_key="one form")

    entries = at_the_same_moment(pay, pay, pay)
    assert len({entry.pk for entry in entries}) == 1
    assert Balance.objects.get(pk=balance.pk).amount == Decimal(5)


@pytest.mark.django_db(transaction=True)
def test_payments_at_the_same_moment_are_all_counted() -> None:
    actor, balance = a_user(), open_balance(currency="USD")

    def pay(key: str) -> LedgerEntry:
        own = Balance.objects.get(pk=balance.pk)
        return record_payment(actor=actor, balance=own, amount=Decimal(1), idempotency_key=key)

    at_the_same_moment(*(lambda key=str(number): pay(key) for number in range(6)))
    assert Balance.objects.get(pk=balance.pk).amount == Decimal(6)
    assert not check_ledger()


@pytest.mark.django_db
def test_beat_logs_whose_ledger_does_not_add_up() -> None:
    actor = a_user()
    carrier, nobodys = a_carrier(actor, "Acme"), open_balance(currency="USD")
    assert prove_ledger() == 0
    assert not LogEntry.objects.exists()
    Balance.objects.filter(pk__in=[carrier.balance_id, nobodys.pk]).update(amount=6)
    assert prove_ledger() == 2
    entry = LogEntry.objects.get(message__contains="Acme")
    assert (entry.category, entry.severity) == ("billing", "error")
    assert entry.refs == [{"kind": "carrier", "id": carrier.pk, "label": "Acme"}]
    assert "entries sum to 0" in entry.message
