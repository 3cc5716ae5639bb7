"""What a leg costs is in the ledger once, whatever is told how often and in whatever order."""

import uuid
from decimal import Decimal

import pytest
from django.db import connection

from accounts.models import Account
from billing.choices import ProductKind
from billing.ledger import check_ledger
from billing.metering.models import MeteredCall
from billing.models import Balance, LedgerEntry
from billing.services import record_payment
from carriers.models import CarrierAccount
from cdr.booking import book
from cdr.change_log import ledger_moves
from cdr.models import CDR, ChargedLeg
from routing.store import snapshots
from systemlog.events import event_of
from systemlog.intake import take_in
from systemlog.models import DeadLetter, LogEntry
from tests.billing.metering import Price, answer, ask, leg, reserve
from tests.calls import Call
from tests.cdr.test_charging import CALL_LONG_AGO, route
from tests.inventory import a_product, a_user

__all__ = ["route"]
pytestmark = pytest.mark.django_db


def price(route: dict[str, int], carrier: str = "", account: str = "", currency: str = "USD") -> dict[str, int]:
    """Give the route's legs a price per minute, and return it with the version that has them."""
    if carrier:
        CarrierAccount.objects.filter(pk=route["carrier_account_id"]).update(product=a_product(currency, carrier))
    if account:
        product = a_product(currency, account, ProductKind.ACCOUNT)
        Account.objects.filter(pk=route["account_id"]).update(product=product)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    snapshots.forget()
    with snapshots.at() as config:
        return route | {"version": config.version}


def taken(call: Call, route: dict[str, int]) -> CDR:
    take_in([event_of(event) for event in call.answered(**route)])
    return CDR.objects.get(attempt_id=call.attempt)


def entries() -> list[tuple[str, Decimal, str]]:
    found = LedgerEntry.objects.filter(kind="charge").order_by("id")
    return list(found.values_list("leg", "amount", "idempotency_key"))


def test_a_charge_lowers_the_account_and_what_we_owe_raises_the_carrier(route: dict[str, int]) -> None:
    call = Call()
    taken(call, price(route, carrier="-0.3", account="0.6"))
    assert [entry[:2] for entry in entries()] == [("account", Decimal("-0.36")), ("carrier", Decimal("0.18"))]
    account = Account.objects.select_related("balance").get(pk=route["account_id"])
    assert account.balance.amount == Decimal("-0.36")
    entry = LedgerEntry.objects.get(leg="account")
    record = CDR.objects.get(attempt_id=call.attempt)
    assert (entry.attempt_id, entry.started_at) == (uuid.UUID(call.attempt), record.started_at)
    assert entry.note == "Call to +442079460018 from 441632960960, 36 s"
    assert not check_ledger()


def test_the_system_log_tells_of_payments_and_not_of_each_call(route: dict[str, int]) -> None:
    taken(Call(), price(route, carrier="-0.3", account="0.6"))
    assert [entry.kind for entry in ledger_moves()] == ["payment"]


def test_a_free_call_makes_no_entry(route: dict[str, int]) -> None:
    taken(Call(), price(route, account="0"))
    assert not entries()
    assert ChargedLeg.objects.count() == 2


def test_a_later_end_is_booked_as_a_correction_once(route: dict[str, int]) -> None:
    route = price(route, account="6")
    call = Call(started=CALL_LONG_AGO)
    *before, end = call.answered(**route)
    told = {**end, "reason": "switch_lost", "at": call.event("end", 13)["at"], "seq": 7}
    take_in([event_of(event) for event in [*before, told]])
    for _ in range(2):
        take_in([event_of(end)])
        take_in([event_of(call.event("audio", 39, caller_packets=7, phone_packets=8))])
    key = f"call:{call.attempt}:account"
    assert entries() == [("account", Decimal(-1), key), ("account", Decimal("-2.6"), f"{key}:1")]
    assert LedgerEntry.objects.get(idempotency_key=f"{key}:1").note.startswith("Correction, call to +44")
    line = LogEntry.objects.get(reason="charge_corrected")
    assert (line.category, str(line.attempt_id)) == ("billing", call.attempt)
    assert "2.60 USD" in line.message
    assert not check_ledger()


def test_a_leg_that_turns_out_to_be_anothers_is_booked_over(route: dict[str, int]) -> None:
    route = price(route, account="6")
    call = Call()
    taken(call, route)
    other = Balance.objects.create(currency="USD")
    mine = ChargedLeg.objects.get(leg="account").balance_id
    leg = ChargedLeg.objects.get(leg="account")
    leg.balance_id = other.pk
    leg.save()
    record = CDR.objects.get()
    for _ in range(2):
        book([leg], {(leg.attempt_id, "account")}, {record.attempt_id: record})
    amounts = dict(Balance.objects.values_list("id", "amount"))
    assert (amounts[mine or 0], amounts[other.pk]) == (Decimal(0), Decimal("-3.6"))
    assert len(entries()) == 3
    assert not check_ledger()


@pytest.mark.parametrize(
    ("minute", "currency", "words"),
    [("0.6", "EUR", "the price is in EUR, the balance in USD"), ("999999999999", "USD", "beyond any balance")],
)
def test_what_no_balance_takes_is_logged_and_costs_no_cdr(
    route: dict[str, int], minute: str, currency: str, words: str
) -> None:
    route = price(route, account=minute, currency=currency)
    call = Call()
    take_in([event_of(event) for event in [*call.answered(**route)[:4], call.end(after=7203)]])
    assert CDR.objects.get().reason == "completed"
    assert not entries()
    assert not DeadLetter.objects.exists()
    [line] = LogEntry.objects.filter(category="billing", severity="error")
    assert words in line.message


def test_a_full_balance_refuses_its_charge_and_no_other(route: dict[str, int]) -> None:
    route = price(route, carrier="-6", account="6")
    carrier = CarrierAccount.objects.get(pk=route["carrier_account_id"]).carrier
    Balance.objects.filter(pk=carrier.balance_id).update(amount=Decimal("999999999998"))
    taken(Call(), route)
    assert [entry[0] for entry in entries()] == ["account"]
    assert "more digits than it holds" in LogEntry.objects.get(reason="not_charged").message


@pytest.mark.parametrize(
    ("seconds", "charged", "amount"),
    [(0, 0, "0"), (0.4, 1, "-0.1"), (23 * 3600, 82_800, "-8280"), (0.000001, 1, "-0.1")],
)
def test_no_length_of_a_call_is_charged_wrongly(
    route: dict[str, int], seconds: float, charged: int, amount: str
) -> None:
    """A call answered for no time at all, for less than a second, and for nearly a day."""
    route = price(route, account="6")
    call = Call(started=CALL_LONG_AGO - 90_000)
    take_in([event_of(event) for event in [*call.answered(**route)[:4], call.end(after=3 + seconds)]])
    assert ChargedLeg.objects.get(leg="account").charged_seconds == charged
    assert sum((entry[1] for entry in entries()), Decimal(0)) == Decimal(amount)
    assert len(entries()) == (charged > 0)


def test_the_ledger_of_many_calls_is_the_sum_of_their_rounded_legs(route: dict[str, int]) -> None:
    """One third of a cent, rounded once per call: the statement is the sum of what the CDRs say, to the last digit."""
    route = price(route, carrier="-0.0007", account="0.333333")
    calls = [Call() for _ in range(60)]
    events = []
    for number, call in enumerate(calls):
        events += [*call.answered(**route)[:4], call.end(after=3 + number * 1.37)]
    for start in range(0, len(events), 50):
        take_in([event_of(event) for event in events[start : start + 50]])
    account = Account.objects.select_related("balance").get(pk=route["account_id"])
    legs = list(ChargedLeg.objects.filter(leg="account").values_list("amount", flat=True))
    assert len(legs) == 60
    assert account.balance.amount == -sum(legs, Decimal(0)) != 0
    assert not check_ledger()
    record_payment(actor=a_user(), balance=account.balance, amount=sum(legs, Decimal(0)), idempotency_key="all")
    assert account.balance.amount == 0


@pytest.mark.parametrize(("metered", "seconds"), [(True, 61), (False, 117)])
def test_a_call_costs_no_more_than_was_set_aside(route: dict[str, int], metered: bool, seconds: int) -> None:
    """A switch that hangs ends it late, which is not its payer's fault; one that asks over HTTP says what it likes."""
    call, priced = Call(), price(route, account="0.6")
    balance = Balance.objects.get(account=route["account_id"])
    Balance.objects.filter(pk=balance.pk).update(credit_limit=Decimal("0.61"))
    asked = ask(leg(balance, Price("0.6")), attempt=uuid.UUID(call.attempt))
    assert reserve(asked) == [(False, "", 61, ["account"])]
    answer(asked)
    if not metered:
        MeteredCall.objects.update(dialog_id=None)
    *before, _ = call.answered(**priced)
    take_in([event_of(event) for event in [*before, call.end("funds_ended", after=120, by="switch")]])
    leg_charged = ChargedLeg.objects.get(leg="account")
    assert (leg_charged.charged_seconds, leg_charged.amount) == (seconds, Decimal(seconds) / 100)
    balance.refresh_from_db()
    assert (balance.amount, balance.reserved) == (-leg_charged.amount, 0)
    assert not check_ledger()
