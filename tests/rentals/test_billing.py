"""Rentals are charged once each, however the task runs; who pays, and what remains when a number changes hands."""

import datetime as dt
import threading
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from billing.ledger import check_ledger
from billing.models import LedgerEntry
from cdr.change_log import ledger_moves
from dids.models import DID
from dids.plans.choices import RentalSide
from dids.rentals.billing import book_charges, make_due
from dids.rentals.models import RentalCharge, RentalTerm
from dids.rentals.proofs import prove_rentals
from dids.rentals.tasks import LOCK, bill_rentals
from dids.services import map_dids, retire_dids, unmap_dids
from systemlog.models import LogEntry
from tests.inventory import a_carrier, an_account, an_alias, at_the_same_moment, some_dids
from tests.rentals.scene import Scene, a_plan, at, ended, happened

NOVEMBER = at("2026-11-14T12:00")


def run(now: dt.datetime) -> None:
    make_due(now)
    book_charges(now)


def amounts(**which: Any) -> list[Decimal]:
    return list(RentalCharge.objects.filter(**which).order_by("due_at", "pk").values_list("amount", flat=True))


@pytest.mark.django_db
def test_a_mapped_number_is_charged_to_its_account_from_that_day() -> None:
    scene = Scene()
    scene.pay("100")
    [term] = scene.sell(a_plan(monthly="3", setup_fee=Decimal(5)))
    assert (term.account_id, term.balance_id) == (scene.account.pk, scene.account.balance_id)
    happened(NOVEMBER, term)
    run(NOVEMBER)
    assert scene.balance() == Decimal("93.3")
    entries = LedgerEntry.objects.filter(balance=scene.account.balance, kind="rental").order_by("pk")
    assert [(entry.amount, entry.note) for entry in entries] == [
        (Decimal(-5), "Set-up of +44 20 7946 0018, 14 Nov 2026"),
        (Decimal("-1.7"), "Rental of +44 20 7946 0018, 14–30 Nov 2026 (17 of 30 days)"),
    ]
    assert check_ledger() == []


@pytest.mark.django_db
def test_running_again_charges_nothing_and_a_late_run_charges_each_month_once() -> None:
    scene = Scene()
    scene.pay("100")
    happened(NOVEMBER, *scene.sell(a_plan()))
    run(NOVEMBER)
    run(NOVEMBER + dt.timedelta(days=3))
    assert amounts() == [Decimal("1.7")]
    # Down over the turn of three months.
    run(at("2027-02-07T12:00"))
    run(at("2027-02-07T12:00"))
    assert amounts() == [Decimal("1.7"), Decimal(3), Decimal(3), Decimal(3)]
    assert scene.balance() == Decimal("89.3")
    assert check_ledger() == []


@pytest.mark.django_db(transaction=True)
def test_two_tasks_at_once_charge_each_period_once() -> None:
    scene = Scene(", ".join(f"+44 20 7946 {n:04d}" for n in range(300)))
    scene.pay("10000")
    happened(NOVEMBER, *scene.sell(a_plan()))
    now = at("2027-01-15T12:00")
    results = at_the_same_moment(*[lambda: run(now)] * 3)
    assert results == [None] * 3, results
    run(now)
    assert RentalCharge.objects.count() == 900
    assert scene.balance() == 10000 - 300 * Decimal("7.7")
    assert check_ledger() == []


@pytest.mark.django_db
def test_what_we_owe_the_carrier_raises_its_balance_without_asking_for_funds() -> None:
    scene = Scene()
    plan = a_plan("Wholesale", RentalSide.BOUGHT, "1.5")
    DID.objects.filter(pk=scene.did.pk).update(bought_plan=plan)
    term = RentalTerm.objects.get()
    assert (term.side, term.carrier_id) == ("bought", scene.carrier.pk)
    happened(NOVEMBER, term)
    run(NOVEMBER)
    scene.carrier.balance.refresh_from_db()
    assert scene.carrier.balance.amount == Decimal("0.85")
    retire_dids(actor=scene.user, did_ids=[scene.did.pk])
    assert RentalTerm.objects.get().until is not None


@pytest.mark.django_db
def test_a_price_change_holds_from_the_next_period() -> None:
    scene = Scene()
    scene.pay("100")
    plan = a_plan()
    happened(NOVEMBER, *scene.sell(plan))
    plan.monthly_fee = Decimal(4)
    plan.save()
    events = apps.get_model("rental_plans", "RentalPlanEvent").objects
    events.filter(pgh_label="update").update(pgh_created_at=at("2026-12-10T09:00"))
    # Late by months: each is charged at the price that was in force when it began.
    run(at("2027-01-20T12:00"))
    assert amounts() == [Decimal("1.7"), Decimal(3), Decimal(4)]


@pytest.mark.django_db
def test_a_number_that_changes_hands_is_charged_to_its_new_account_from_that_day() -> None:
    scene = Scene()
    scene.pay("100")
    [first] = scene.sell(a_plan())
    happened(NOVEMBER, first)
    run(NOVEMBER)
    other = an_account(scene.user, "Branch", client="Rose Inc")
    scene.pay("100", "other", other)
    unmap_dids(actor=scene.user, did_ids=[scene.did.pk])
    ended(at("2026-11-20T10:00"), first)
    map_dids(actor=scene.user, did_ids=[scene.did.pk], alias=an_alias(scene.user, other, "desk-9"), account=other)
    second = RentalTerm.objects.get(until=None)
    assert second.account_id == other.pk
    happened(at("2026-11-21T10:00"), second)
    run(at("2026-12-02T12:00"))
    assert amounts(account=scene.account) == [Decimal("1.7")]
    assert amounts(account=other) == [Decimal(1), Decimal(3)]


@pytest.mark.django_db
def test_an_account_that_takes_its_number_back_within_the_month_pays_it_once() -> None:
    scene = Scene()
    scene.pay("100")
    plan = a_plan(setup_fee=Decimal(5))
    [first] = scene.sell(plan)
    happened(NOVEMBER, first)
    unmap_dids(actor=scene.user, did_ids=[scene.did.pk])
    ended(at("2026-11-20T10:00"), first)
    [second] = scene.sell(plan)
    happened(at("2026-11-20T10:05"), second)
    # Neither has been charged when the task runs at last.
    run(at("2026-12-02T12:00"))
    assert amounts() == [Decimal(5), Decimal("1.7"), Decimal(3)]


@pytest.mark.django_db
def test_a_number_released_before_a_month_begins_is_not_charged_for_it(settings: Any) -> None:
    scene = Scene()
    scene.pay("100")
    [term] = scene.sell(a_plan())
    happened(NOVEMBER, term)
    unmap_dids(actor=scene.user, did_ids=[scene.did.pk])
    ended(at("2026-11-30T23:59:59"), term)
    run(at("2027-03-01T12:00"))
    assert amounts() == [Decimal("1.7")]
    assert RentalTerm.objects.get().next_due_at is None


@pytest.mark.django_db
def test_unused_days_are_paid_back_where_the_setting_says_so(settings: Any) -> None:
    settings.RENTAL_REFUND_UNUSED = True
    scene = Scene()
    scene.pay("100")
    [term] = scene.sell(a_plan())
    happened(NOVEMBER, term)
    run(NOVEMBER)
    unmap_dids(actor=scene.user, did_ids=[scene.did.pk])
    ended(at("2026-11-20T10:00"), term)
    run(at("2026-12-05T12:00"))
    assert amounts() == [Decimal("1.7"), Decimal(-1)]
    assert scene.balance() == Decimal("99.3")
    refund = LedgerEntry.objects.get(kind="refund")
    assert refund.note == "Refund of rental of +44 20 7946 0018, 21–30 Nov 2026 (10 of 30 days)"


@pytest.mark.django_db
def test_funds_reach_for_the_oldest_first_and_never_below_the_credit_limit() -> None:
    scene = Scene("+44 20 7946 0010 - 0014")
    scene.pay("4")
    scene.account.balance.credit_limit = Decimal(2)
    scene.account.balance.reserved = Decimal(1)
    scene.account.balance.save()
    happened(at("2026-11-01T00:00"), *scene.sell(a_plan(monthly="2")))
    run(NOVEMBER)
    # 4 + 2 - 1 held for a call: two numbers of five.
    assert scene.balance() == Decimal(0)
    assert RentalCharge.objects.filter(charged_at=None).count() == 3
    scene.pay("100", "second")
    run(NOVEMBER)
    assert scene.balance() == Decimal(94)
    assert check_ledger_but_reserved() == []


def check_ledger_but_reserved() -> list[Any]:
    """Return what is wrong beside the reserve, which this test has made up."""
    from billing.models import Balance

    Balance.objects.update(reserved=0)
    return check_ledger()


@pytest.mark.django_db
def test_a_failure_between_two_portions_loses_and_doubles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from dids.rentals import billing

    monkeypatch.setattr(billing, "TERMS_AT_ONCE", 2)
    monkeypatch.setattr(billing, "CHARGES_AT_ONCE", 2)
    scene = Scene("+44 20 7946 0010 - 0014")
    scene.pay("100")
    happened(NOVEMBER, *scene.sell(a_plan()))
    real, calls = billing.post, iter([False, True])

    def failing(postings: Any) -> Any:
        entries = real(postings)
        if next(calls, False):
            raise ConnectionError("the worker dies before its commit")
        return entries

    monkeypatch.setattr(billing, "post", failing)
    make_due(NOVEMBER)
    with pytest.raises(ConnectionError):
        book_charges(NOVEMBER)
    monkeypatch.setattr(billing, "post", real)
    run(NOVEMBER)
    assert scene.balance() == 100 - 5 * Decimal("1.7")
    assert check_ledger() == []


@pytest.mark.django_db
def test_the_log_tells_the_sum_of_each_account_and_not_each_number() -> None:
    scene = Scene("+44 20 7946 0010 - 0014")
    scene.pay("100")
    happened(NOVEMBER, *scene.sell(a_plan(setup_fee=Decimal(1))))
    run(NOVEMBER)
    entries = LogEntry.objects.filter(reason="rental")
    assert [entry.message for entry in entries] == [
        "Rentals of 5 numbers: 13.50 USD charged to account Bloom Ltd › Main office."
    ]
    assert [entry.kind for entry in ledger_moves()] == ["payment"]


@pytest.mark.django_db
def test_the_proof_names_a_charge_without_its_entry_and_an_entry_without_its_charge() -> None:
    scene = Scene()
    scene.pay("100")
    happened(NOVEMBER, *scene.sell(a_plan()))
    run(NOVEMBER)
    assert prove_ledger_words() == []
    charge = RentalCharge.objects.get()
    RentalCharge.objects.filter(pk=charge.pk).update(amount=Decimal(2))
    assert prove_ledger_words() == [
        f"Rental charge {charge.pk} says -2.000000, the ledger of balance {charge.balance_id} has -1.700000"
    ]
    RentalCharge.objects.filter(pk=charge.pk).update(amount=charge.amount, charged_at=None, entry=None)
    assert prove_ledger_words() == [
        f"Ledger entry {charge.entry_id} of -1.700000 is of a rental, but no rental charge explains it"
    ]


def prove_ledger_words() -> list[str]:
    return [str(difference) for difference in prove_rentals()]


@pytest.mark.django_db(transaction=True)
def test_the_task_leaves_the_work_to_one_that_is_at_it() -> None:
    scene = Scene()
    scene.pay("100")
    scene.sell(a_plan())
    begun, done = threading.Event(), threading.Event()

    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            begun.set()
            done.wait(20)
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert begun.wait(10)
    assert bill_rentals() == 0
    done.set()
    holder.join()
    assert bill_rentals() == 1
    assert bill_rentals() == 0


@pytest.mark.django_db(transaction=True)
def test_numbers_mapped_and_released_while_the_task_runs_are_charged_once_for_what_they_were() -> None:
    """Operators go on mapping and releasing while a month is charged; nobody waits for ever, nothing is lost."""
    scene = Scene("+44 20 7946 0010 - 0059")
    scene.pay("10000")
    plan = a_plan()
    happened(NOVEMBER, *scene.sell(plan))
    now = at("2027-01-15T12:00")
    chosen = [did.pk for did in scene.dids[:25]]

    def release() -> None:
        unmap_dids(actor=scene.user, did_ids=chosen)
        map_dids(actor=scene.user, did_ids=chosen, alias=scene.alias, account=scene.account)

    results = at_the_same_moment(lambda: run(now), release, lambda: run(now))
    assert results == [None] * 3, results
    run(now)
    # The released ones begin again later than "now" is in this test; what they were charged stands once.
    assert RentalCharge.objects.filter(did__in=chosen).count() == 75
    assert RentalCharge.objects.count() == 150
    assert check_ledger() == []


@pytest.mark.django_db
def test_a_clock_that_is_set_back_leaves_no_rental_without_a_price() -> None:
    scene = Scene()
    scene.pay("100")
    happened(NOVEMBER, *scene.sell(a_plan()))
    # The plan was made, and the number mapped, while the clock was an hour ahead.
    ahead = NOVEMBER + dt.timedelta(hours=1)
    for label in (("rental_plans", "RentalPlanEvent"), ("dids", "DIDEvent")):
        apps.get_model(*label).objects.update(pgh_created_at=ahead)
    run(NOVEMBER)
    assert amounts() == [Decimal("1.7")]


@pytest.mark.django_db
def test_one_rental_that_cannot_be_priced_does_not_stop_the_others() -> None:
    scene = Scene("+44 20 7946 0018, +44 20 7946 0019")
    scene.pay("100")
    broken = a_plan("Broken")
    happened(NOVEMBER, *scene.sell(broken, scene.dids[0]), *scene.sell(a_plan(), scene.dids[1]))
    apps.get_model("rental_plans", "RentalPlanEvent").objects.filter(pgh_obj=broken).delete()
    run(at("2026-12-02T12:00"))
    assert amounts(did=scene.dids[1]) == [Decimal("1.7"), Decimal(3)]
    assert amounts(did=scene.dids[0]) == []


@pytest.mark.django_db
def test_a_rental_that_no_balance_holds_stops_nobody_elses_and_is_told_once_a_day() -> None:
    """Carriers are asked for no funds, so an absurd fee reaches the ledger."""
    absurd = Scene()
    carrier = a_carrier(absurd.user, "Fair Telecom")
    [did] = some_dids(absurd.user, carrier, "+37167220100")
    most = a_plan("Absurd", RentalSide.BOUGHT, "1", setup_fee=Decimal("999999999999.5"))
    fair = a_plan("Fair", RentalSide.BOUGHT, "30")
    DID.objects.filter(pk=absurd.did.pk).update(bought_plan=most)
    DID.objects.filter(pk=did.pk).update(bought_plan=fair)
    assert absurd.carrier.balance_id < carrier.balance_id
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    make_due()
    now = timezone.now()
    # Of the same carrier too.
    assert book_charges(now) == 2
    carrier.balance.refresh_from_db()
    assert carrier.balance.amount > 0
    assert book_charges(now + dt.timedelta(minutes=1)) == 0
    told = LogEntry.objects.get(reason="rental_not_charged")
    assert told.severity == "error" and "more digits than it holds" in told.message
    assert str(absurd.carrier) in told.message and told.number == absurd.did.number
    assert book_charges(now + dt.timedelta(days=2)) == 0
    assert LogEntry.objects.filter(reason="rental_not_charged").count() == 2
    assert check_ledger() == []
