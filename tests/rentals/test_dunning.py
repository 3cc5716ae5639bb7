"""No funds: a warning, days of grace, suspension, never a release; and service again when it is paid."""

import datetime as dt
from typing import Any

import pytest

from accounts.models import Client
from dids.choices import DIDState
from dids.history import history_of
from dids.models import DID
from dids.rentals.billing import book_charges, make_due
from dids.rentals.dunning import follow_payments
from dids.rentals.models import RentalTerm
from dids.services import map_dids, resume_dids, suspend_dids, unmap_dids
from systemlog.mail.delivery import deliver, due_mail
from systemlog.models import LogEntry
from tests.inventory import an_account, an_alias, at_the_same_moment
from tests.mail.server import mail_server
from tests.rentals.scene import Scene, a_plan, at, happened

START = at("2026-11-14T12:00")
DAY = dt.timedelta(days=1)

pytestmark = pytest.mark.django_db


def run(now: dt.datetime) -> None:
    make_due(now)
    book_charges(now)
    follow_payments(now)


def states() -> list[str]:
    return list(DID.objects.order_by("number").values_list("state", flat=True))


def told() -> list[str]:
    entries = LogEntry.objects.filter(category="billing", reason__startswith="rental_").order_by("pk")
    return list(entries.values_list("reason", flat=True))


@pytest.fixture
def unpaid() -> Scene:
    """Return a rented number whose account has no money."""
    scene = Scene()
    happened(START, *scene.sell(a_plan()))
    return scene


def test_an_unpaid_number_is_warned_of_then_suspended_after_the_grace(unpaid: Scene) -> None:
    run(START)
    run(START + 7 * DAY - dt.timedelta(seconds=1))
    assert (states(), told()) == (["mapped"], ["rental_unpaid"])
    entry = LogEntry.objects.get(reason="rental_unpaid")
    assert entry.message == (
        "Bloom Ltd › Main office: no funds for the rental of +44 20 7946 0018; suspended on 21 Nov 2026 unless paid. "
        "1.70 USD is owed for it. The balance is 0.00 USD. No e-mail was sent: Bloom Ltd has no e-mail address."
    )
    run(START + 7 * DAY)
    run(START + 8 * DAY)
    assert (states(), told()) == (["suspended"], ["rental_unpaid", "rental_suspended"])
    assert DID.objects.get().alias == unpaid.alias
    assert unpaid.balance() == 0


def test_a_suspension_for_money_stands_in_the_history_and_ends_with_the_payment(unpaid: Scene) -> None:
    run(START)
    run(START + 7 * DAY)
    unpaid.pay("1")
    run(START + 8 * DAY)
    assert states() == ["suspended"], "a part of the debt resumes nothing"
    unpaid.pay("0.7", "rest")
    run(START + 8 * DAY)
    assert states() == ["mapped"]
    assert unpaid.balance() == 0
    assert [change.what for change in history_of(unpaid.did)][:2] == [
        "Resumed: rental paid",
        "Suspended: rental unpaid",
    ]
    term = RentalTerm.objects.get()
    assert (term.unpaid_since, term.suspended_at) == (None, None)


def test_a_rental_paid_within_the_grace_never_stops(unpaid: Scene) -> None:
    run(START)
    unpaid.pay("10")
    run(START + 6 * DAY)
    run(START + 9 * DAY)
    assert (states(), told()) == (["mapped"], ["rental_unpaid"])
    # Another month without funds begins another grace, with another warning.
    unpaid.account.balance.refresh_from_db()
    december = at("2027-02-01T12:00")
    run(december)
    assert unpaid.balance() == 10 - paid_amount()
    assert states() == ["mapped"]


def paid_amount() -> Any:
    from django.db.models import Sum

    from dids.rentals.models import RentalCharge

    return RentalCharge.objects.exclude(charged_at=None).aggregate(total=Sum("amount"))["total"]


def test_a_month_that_falls_due_during_an_outage_gets_its_whole_grace(unpaid: Scene) -> None:
    run(START + 30 * DAY)
    assert (states(), told()) == (["mapped"], ["rental_unpaid"])
    run(START + 37 * DAY)
    assert states() == ["suspended"]


def test_what_a_person_suspended_is_not_resumed_by_a_payment(unpaid: Scene) -> None:
    suspend_dids(actor=unpaid.user, did_ids=[unpaid.did.pk])
    run(START)
    run(START + 8 * DAY)
    unpaid.pay("10")
    run(START + 9 * DAY)
    assert (states(), told()) == (["suspended"], ["rental_unpaid"])
    assert unpaid.balance() + paid_amount() == 10


def test_whoever_resumes_an_unpaid_number_gives_it_another_grace(unpaid: Scene) -> None:
    run(START)
    run(START + 7 * DAY)
    resume_dids(actor=unpaid.user, did_ids=[unpaid.did.pk])
    since = RentalTerm.objects.get().unpaid_since
    assert since is not None
    run(since + 7 * DAY - dt.timedelta(seconds=1))
    assert states() == ["mapped"]
    run(since + 7 * DAY)
    assert states() == ["suspended"]


def test_a_number_released_while_unpaid_stays_owed_and_is_no_longer_resumed(unpaid: Scene) -> None:
    run(START)
    run(START + 7 * DAY)
    unmap_dids(actor=unpaid.user, did_ids=[unpaid.did.pk])
    unpaid.pay("10")
    run(START + 8 * DAY)
    assert states() == [DIDState.SUSPENDED]
    assert unpaid.balance() + paid_amount() == 10


def test_one_account_without_funds_does_not_touch_another() -> None:
    scene = Scene("+44 20 7946 0018, +44 20 7946 0019")
    plan = a_plan()
    other = an_account(scene.user, "Branch", client="Rose Inc")
    scene.pay("10", "other", other)
    happened(START, *scene.sell(plan, scene.dids[0]))
    DID.objects.filter(pk=scene.dids[1].pk).update(sold_plan=plan)
    alias = an_alias(scene.user, other, "desk-9")
    map_dids(actor=scene.user, did_ids=[scene.dids[1].pk], alias=alias, account=other)
    happened(START, RentalTerm.objects.get(did=scene.dids[1]))
    run(START)
    run(START + 7 * DAY)
    assert states() == ["suspended", "mapped"]


def test_many_numbers_make_one_entry_for_their_account() -> None:
    scene = Scene("+44 20 7946 0010 - 0019")
    happened(START, *scene.sell(a_plan()))
    run(START)
    assert told() == ["rental_unpaid"]
    message = LogEntry.objects.get(reason="rental_unpaid").message
    assert "and 5 more" in message and "17.00 USD is owed" in message


def test_the_client_is_told_by_e_mail_of_each_step_once(unpaid: Scene, settings: Any) -> None:
    with mail_server() as (keeper, host, port):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = host, port
        settings.EMAIL_HOST_USER, settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = "", False, False
        settings.MAIL_FROM = "billing@aurora.example"
        Client.objects.update(email="anna@bloom.example")
        run(START)
        run(START)
        run(START + 7 * DAY)
        unpaid.pay("10")
        run(START + 8 * DAY)
        for pk in due_mail():
            deliver(pk)
        subjects = [str(message["Subject"]) for message in keeper.messages]
        assert subjects == [
            "Payment needed for your phone numbers (Main office)",
            "Your phone numbers are suspended (Main office)",
            "Your phone numbers are in service again (Main office)",
        ]
        body = keeper.messages[0].get_content()
        assert "+44 20 7946 0018" in body and "before 21 Nov 2026" in body and "Owed for them: 1.70 USD" in body


@pytest.mark.django_db(transaction=True)
def test_two_tasks_at_once_warn_and_suspend_once(unpaid: Scene) -> None:
    make_due(START)
    assert at_the_same_moment(*[lambda: follow_payments(START)] * 3) == [None] * 3
    later = START + 7 * DAY
    assert at_the_same_moment(*[lambda: follow_payments(later)] * 3) == [None] * 3
    assert (states(), told()) == (["suspended"], ["rental_unpaid", "rental_suspended"])
