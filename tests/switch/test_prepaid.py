"""Paid calls at the switch: reserved before they start, extended while funds last, ended on both legs when they end."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Account
from billing.choices import ProductKind
from billing.ledger import check_ledger
from billing.metering.models import MeteredCall
from billing.models import Balance, Reservation
from billing.services import record_payment
from cdr.models import CDR, ChargedLeg
from core.models import Heartbeat
from routing.decision import Decision
from routing.models import Attempt
from systemlog.models import LogEntry
from tests.inventory import a_product
from tests.node import keeps
from tests.stack import Stack, eventually
from tests.switch.conftest import PhoneMaker, Story
from tests.switch.network import Line, Network, paid_line
from tests.switch.phone import Manner
from tests.switch.sipp import Carrier, cancelled_after, hang_up, hung_up_by_other, refused, talking, talking_or_refused

CarrierAt = Callable[..., Carrier]
DECIDERS = ("decider-1", "decider-2")
CALL = "call"
# A cent a second, in seconds: what a call of n seconds costs is easily seen.
PRICE = "0.60"
# RESERVATION_SECONDS of the stack, and one increment.
QUANTUM = Decimal("0.07")


@dataclass
class Paid:
    """An account that pays for what its phone receives."""

    account: Account
    line: Line

    @property
    def balance(self) -> Balance:
        """The balance as it is now."""
        return Balance.objects.get(pk=self.account.balance_id)

    def pay(self, network: Network, amount: str) -> None:
        """Take a payment."""
        record_payment(
            actor=network.actor, balance=self.balance, amount=Decimal(amount), idempotency_key=str(uuid.uuid4())
        )

    @property
    def call(self) -> MeteredCall | None:
        """The meter of its newest call."""
        held = Reservation.objects.filter(balance=self.account.balance_id).values("attempt_id")
        return MeteredCall.objects.filter(attempt_id__in=held).order_by("started_at").last()

    @property
    def answered(self) -> bool:
        """Whether the meter knows of an answer."""
        return bool(self.call and self.call.answered_at)

    @property
    def lacking(self) -> str:
        """The leg that cannot pay for more, as the meter knows."""
        return self.call.lacking if self.call else ""

    def settled(self) -> Balance:
        """Return the balance once nothing is held any more."""
        eventually(lambda: self.balance.reserved == 0, what="nothing is held any more")
        return self.balance


def leaders() -> list[str]:
    """Return the deciders that say they lead the meter, by their last signs of life."""
    fresh = timezone.now() - dt.timedelta(seconds=5)
    beats = Heartbeat.objects.filter(kind="decider", details__leads_meter=True, beat_at__gt=fresh)
    return sorted(beats.values_list("name", flat=True))


@contextmanager
def lowest_funds(balance_id: int) -> Iterator[Callable[[], Decimal]]:
    """Have the database note the least free funds that a balance ever has; yield what reads them."""
    with connection.cursor() as cursor:
        cursor.execute(WATCH, [balance_id])
    try:

        def read() -> Decimal:
            with connection.cursor() as cursor:
                cursor.execute("SELECT min(free) FROM test_free_funds")
                return cursor.fetchone()[0]

        yield read
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE test_free_funds; DROP FUNCTION test_note_funds CASCADE")


WATCH = """
CREATE TABLE test_free_funds (free numeric);
CREATE FUNCTION test_note_funds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO test_free_funds VALUES (NEW.amount + NEW.credit_limit - NEW.reserved);
    RETURN NULL;
END $$;
CREATE TRIGGER test_note_funds AFTER UPDATE ON billing_balance
    FOR EACH ROW WHEN (NEW.id = %s) EXECUTE FUNCTION test_note_funds();
"""


@pytest.fixture
def paid(network: Network) -> Paid:
    """A new account with a product at a cent a second, without funds, and its line."""
    return Paid(*paid_line(network, a_product("USD", PRICE, ProductKind.ACCOUNT)))


def test_the_call_ends_on_both_legs_when_funds_do(
    stack: Stack, network: Network, paid: Paid, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """Funds for 8.5 s buy 8 whole seconds, and the call costs no more than they are worth."""
    paid.pay(network, "0.085")
    called = phone(paid.line)
    result = carrier().call(talking(0) + hung_up_by_other(), paid.line.number)
    assert result, result.errors
    called.wait_for("BYE")
    record = story.tells(result, "funds_ended", 200, 31, CALL, by="switch")
    told = [entry.message for entry in story.log_of(record) if entry.reason == "funds_ended"]
    assert told and f"{paid.account.name} has no free funds for more of it" in told[0]
    balance = paid.settled()
    (leg,) = ChargedLeg.objects.filter(attempt_id=record.attempt_id, leg="account")
    # The margin of a cut, and the second that is begun, are what may be left.
    assert 4 <= leg.charged_seconds <= 8
    assert balance.amount == Decimal("0.085") - leg.amount
    (held,) = Reservation.objects.filter(attempt_id=record.attempt_id)
    assert (held.amount, held.seconds, held.state) == (Decimal("0.08"), 8, "charged")


def test_a_payment_during_the_call_extends_it(
    stack: Stack, network: Network, paid: Paid, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """Funds for one quantum would end it after five seconds; it goes on until the caller hangs up."""
    paid.pay(network, str(QUANTUM))
    phone(paid.line)
    call = carrier().start(talking(8) + hang_up(), paid.line.number)
    eventually(lambda: paid.lacking == "account", what="the meter knows that funds end")
    paid.pay(network, "1")
    result = call.wait()
    assert result, result.errors
    record = story.tells(result, "completed", 200, 16, CALL, by="caller")
    (leg,) = ChargedLeg.objects.filter(attempt_id=record.attempt_id, leg="account")
    assert leg.charged_seconds >= 8
    assert paid.settled().amount == QUANTUM + 1 - leg.amount


def test_another_decider_takes_over_the_meter(
    stack: Stack, network: Network, paid: Paid, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """The leader is killed in a call, which goes on beyond what it has paid for."""
    paid.pay(network, "1")
    phone(paid.line)
    call = carrier().start(talking(9) + hang_up(), paid.line.number)
    eventually(lambda: paid.answered, what="the phone has answered")
    eventually(lambda: len(leaders()) == 1, what="one of them leads")
    (leader,) = leaders()
    stack.kill(leader)
    eventually(lambda: leaders() not in ([], [leader]), what="another leads")
    result = call.wait()
    assert result, result.errors
    story.tells(result, "completed", 200, 16, CALL, by="caller")
    stack.wait_ready(leader)


def test_a_paid_call_outlives_a_restart_of_the_switch(
    stack: Stack, network: Network, paid: Paid, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """The switch is killed in the call; started anew it hears the cover again, and the call is extended as before."""
    paid.pay(network, "1")
    phone(paid.line)
    call = carrier().start(talking(16) + hang_up(), paid.line.number)
    eventually(lambda: paid.call is not None and paid.call.seconds >= 13, what="the call was extended")
    eventually(lambda: keeps(stack.folder.root, paid.line.number), what="the call is written")
    stack.kill("switch")
    stack.wait_ready("switch")
    result = call.wait()
    assert result, result.errors
    record = story.tells(result, "completed", 200, 16, CALL, by="caller")
    (leg,) = ChargedLeg.objects.filter(attempt_id=record.attempt_id, leg="account")
    assert leg.charged_seconds >= 16
    assert paid.settled().amount == 1 - leg.amount


def test_without_deciders_the_switch_ends_the_call_where_its_cover_does(
    stack: Stack, network: Network, paid: Paid, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """Nobody is left to extend it, however much the account has."""
    paid.pay(network, "1")
    called = phone(paid.line)
    call = carrier().start(talking(0) + hung_up_by_other(), paid.line.number)
    eventually(lambda: paid.answered, what="the phone has answered")
    stack.kill(*DECIDERS)
    stack.stop(*DECIDERS)
    try:
        result = call.wait()
        assert result, result.errors
        called.wait_for("BYE")
        record = story.tells(result, "meter_lost", 200, 41, CALL, by="switch")
        held = Reservation.objects.get(attempt_id=record.attempt_id)
        (leg,) = ChargedLeg.objects.filter(attempt_id=record.attempt_id, leg="account")
        assert leg.amount <= held.amount
        assert paid.settled().amount == 1 - leg.amount
    finally:
        stack.begin(*DECIDERS)


def test_a_call_answered_while_no_decider_hears_can_be_extended(
    stack: Stack, network: Network, paid: Paid, carrier: CarrierAt, phone: PhoneMaker
) -> None:
    """The worker notes the answer that nobody heard, and the key by which whoever leads next names the call."""
    paid.pay(network, str(QUANTUM))
    called = phone(paid.line, Manner(answer_after=4))
    call = carrier().start(talking(0) + hung_up_by_other(), paid.line.number)
    called.wait_for("INVITE")
    with stack.paused(*DECIDERS):
        assert paid.call and not paid.answered
        eventually(lambda: paid.answered, what="the answer is known")
        assert paid.call.dialog_entry is not None and paid.call.dialog_id
    assert call.wait()


def test_a_call_that_fails_gives_back_what_it_held(
    stack: Stack, network: Network, paid: Paid, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """Busy, hung up while it rang, and refused because nobody is registered: nothing is charged."""
    paid.pay(network, str(QUANTUM))
    result = carrier().call(refused(487), paid.line.number)
    assert result, result.errors
    story.tells(result, "not_registered", 487, 20, CALL)
    assert paid.settled().amount == QUANTUM
    called = phone(paid.line, Manner(refuse=486))
    result = carrier().call(refused(486), paid.line.number)
    assert result, result.errors
    assert paid.settled().amount == QUANTUM
    called.manner = Manner(answer_after=30)
    result = carrier().call(cancelled_after(0.5, ringing=True), paid.line.number)
    assert result, result.errors
    assert paid.settled().amount == QUANTUM
    assert set(Reservation.objects.filter(balance=paid.balance).values_list("state", flat=True)) == {"released"}


def test_a_hundred_calls_at_once_never_overdraw(
    stack: Stack, network: Network, paid: Paid, carrier: CarrierAt, phone: PhoneMaker
) -> None:
    """Funds for exactly ten quanta, and two deciders: ten calls are let in, ninety are refused and say why."""
    paid.pay(network, str(QUANTUM * 10))
    phone(paid.line)
    with lowest_funds(paid.balance.pk) as lowest:
        result = carrier().call(talking_or_refused(403, 2.0), paid.line.number, calls=100, rate=100)
        assert result, result.errors
        records = CDR.objects.filter(number=paid.line.number, ended_at__isnull=False)
        eventually(lambda: records.count() == 100, what="a hundred calls have ended")
        assert paid.settled().amount >= 0
        assert lowest() == 0
    reasons = Counter(records.values_list("reason", "sip_code"))
    assert reasons == {("completed", 200): 10, ("account_no_credit", 403): 90}
    held = Reservation.objects.filter(balance=paid.balance)
    assert held.count() == 10
    refusals = LogEntry.objects.filter(reason="account_no_credit", number=paid.line.number)
    assert refusals.count() == 90
    assert all("The account has no funds for this call" in entry.message for entry in refusals)
    decisions = Attempt.objects.filter(attempt_id__in=records.filter(reason="account_no_credit").values("attempt_id"))
    failed = {Decision.from_record(record).failed for record in decisions.values_list("record", flat=True)}
    assert {check.words for check in failed if check} == {f"{paid.account.name} does not have {QUANTUM} USD"}
    charged = ChargedLeg.objects.filter(attempt_id__in=records.values("attempt_id"), leg="account")
    assert paid.balance.amount == QUANTUM * 10 - sum(leg.amount for leg in charged)
    # Other tests of the same product set balances by hand.
    assert [found for found in check_ledger() if found.balance_id in {paid.balance.pk, None}] == []
