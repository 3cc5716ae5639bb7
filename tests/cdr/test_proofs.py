"""The ledger's check names every leg that is not booked, every entry without a leg, and every stray reservation."""

import datetime as dt
import uuid
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from billing.ledger import check_ledger
from billing.models import Balance, LedgerCheck, LedgerEntry, Reservation
from billing.tasks import prove_ledger
from cdr.models import CDR, ChargedLeg
from routing.models import Attempt
from systemlog.events import event_of
from systemlog.intake import take_in
from systemlog.models import LogEntry
from tests.calls import Call
from tests.cdr.test_booking import price, taken
from tests.cdr.test_charging import route

__all__ = ["route"]
pytestmark = pytest.mark.django_db
MINUTES = dt.timedelta(minutes=5)


def words() -> list[str]:
    return [str(difference) for difference in check_ledger()]


def test_a_leg_that_is_not_in_the_ledger_is_named(route: dict[str, int]) -> None:
    record = taken(Call(), price(route, account="6"))
    entry = LedgerEntry.objects.get(leg="account")
    assert not words()
    Balance.objects.filter(pk=entry.balance_id).update(amount=0)
    LedgerEntry.objects.filter(pk=entry.pk).delete()
    [difference] = check_ledger()
    assert (difference.attempt_id, difference.balance_id) == (record.attempt_id, entry.balance_id)
    assert "account: its CDR says 3.600000" in difference.words


@pytest.mark.parametrize("change", ["gone", "other amount", "other balance"])
def test_entries_that_no_leg_explains_are_named(route: dict[str, int], change: str) -> None:
    record = taken(Call(), price(route, account="6"))
    legs = ChargedLeg.objects.filter(leg="account")
    if change == "gone":
        legs.delete()
    elif change == "other amount":
        legs.update(amount=Decimal("3.599999"))
    else:
        legs.update(balance_id=Balance.objects.create(currency="USD").pk)
    found = check_ledger()
    assert {difference.attempt_id for difference in found} == {record.attempt_id}
    assert len(found) == (2 if change == "other balance" else 1)


def held(attempt: uuid.UUID, balance: Balance, age: dt.timedelta) -> Reservation:
    """Reserve one unit for a call, so long ago."""
    Balance.objects.filter(pk=balance.pk).update(reserved=F("reserved") + 1)
    at = timezone.now() - age
    return Reservation.objects.create(attempt_id=attempt, balance=balance, leg="account", amount=1, created_at=at)


def test_what_is_held_for_a_call_that_is_over_or_unknown_is_named_after_a_minute(route: dict[str, int]) -> None:
    balance = Account.objects.get(pk=route["account_id"]).balance
    over = taken(Call(started=timezone.now().timestamp() - 600), route).attempt_id
    just_over = taken(Call(started=timezone.now().timestamp() - 40), route).attempt_id
    live = Call(started=timezone.now().timestamp() - 600)
    take_in([event_of(event) for event in live.answered(**route)[:4]])
    unknown = uuid.uuid4()
    for attempt, age in (
        (over, MINUTES), (just_over, MINUTES), (uuid.UUID(live.attempt), MINUTES), (unknown, MINUTES),
        (uuid.uuid4(), dt.timedelta(seconds=50)),
    ):  # fmt: skip
        held(attempt, balance, age)
    found = {difference.attempt_id: difference.words for difference in check_ledger()}
    assert set(found) == {over, unknown}
    assert "which is over" in found[over]
    assert "of which nothing was heard" in found[unknown]


def test_a_live_paid_call_with_nothing_reserved_is_named_after_a_minute(route: dict[str, int]) -> None:
    balance = Account.objects.get(pk=route["account_id"]).balance
    old, young = (Call(started=timezone.now().timestamp() - age) for age in (600, 30))
    for call in (old, young):
        take_in([event_of(event) for event in call.answered(**route)[:4]])
    reserve = {"reserve": [["account", balance.pk, "1.2", "USD"]]}
    Attempt.objects.update(record=reserve, decider="decider-1")
    [difference] = check_ledger()
    assert str(difference.attempt_id) == old.attempt
    assert "nothing reserved for the account" in difference.words
    held(uuid.UUID(old.attempt), balance, MINUTES)
    assert not words()
    Attempt.objects.update(decider="")
    Reservation.objects.all().delete()
    Balance.objects.update(reserved=0)
    assert not words()
    assert CDR.objects.filter(ended_at__isnull=True).count() == 2


def test_command_task_page_and_dashboard_tell_the_same(
    route: dict[str, int], operator_page: Browser, support_page: Browser
) -> None:
    record = taken(Call(), price(route, account="6"))
    page, dashboard = reverse("billing:ledgercheck"), reverse("cdr:dashboard")
    shown = operator_page.get(page).content.decode()
    assert "Not checked yet" in shown and "Everything adds up" not in shown
    call_command("check_ledger")
    assert "Everything adds up" in operator_page.get(page).content.decode()
    assert "The ledger does not add up" not in operator_page.get(dashboard).content.decode()
    ChargedLeg.objects.filter(leg="account").update(amount=7)
    with pytest.raises(CommandError, match="1 difference in the ledger"):
        call_command("check_ledger")
    assert prove_ledger() == 1
    shown = operator_page.get(page).content.decode()
    assert reverse("cdr:cdr_detail", args=[record.attempt_id]) in shown
    assert "Main office</a>" in shown
    assert "The ledger does not add up" in operator_page.get(dashboard).content.decode()
    line = LogEntry.objects.filter(reason="ledger_discrepancy").latest("id")
    assert (line.attempt_id, line.refs[0]["label"]) == (record.attempt_id, "Main office")
    assert support_page.get(page).status_code == 200
    assert support_page.post(reverse("billing:ledgercheck_run")).status_code == 403


def test_old_runs_are_forgotten() -> None:
    prove_ledger()
    LedgerCheck.objects.update(at=timezone.now() - dt.timedelta(days=91))
    prove_ledger()
    assert LedgerCheck.objects.count() == 1
