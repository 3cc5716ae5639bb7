"""Every change of the configuration and every payment is logged once: who, what, from what to what."""

import threading
import time
from decimal import Decimal

import pytest
from django.db import connection, transaction

from billing.services import record_payment
from carriers.models import Carrier
from cdr.change_log import log_changes
from core.history import acting
from core.models import User
from dids.models import DID
from systemlog.models import LogEntry
from tests.inventory import a_carrier, a_user, an_account, an_alias, some_dids

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> User:
    alice = a_user(name="alice")
    log_changes()
    LogEntry.objects.all().delete()
    return alice


def nobody_writes() -> bool:
    """Return whether no transaction is open in the cluster; another test worker's would hold new rows back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(s) = pg_snapshot_xmax(s) FROM pg_current_snapshot() s")
        return bool(cursor.fetchone()[0])


def logged() -> list[str]:
    deadline = time.monotonic() + 60
    while not nobody_writes() and time.monotonic() < deadline:
        time.sleep(0.02)
    log_changes()
    return list(LogEntry.objects.order_by("pk").values_list("message", flat=True))


def test_who_added_and_changed_what(alice: User) -> None:
    carrier = a_carrier(alice, "Acme")
    with acting(alice):
        Carrier.objects.filter(pk=carrier.pk).update(is_did_provider=True)
    assert logged() == [
        "alice added carrier Acme.",
        "alice changed carrier Acme: Carrier is DID provider: no → yes.",
    ]
    assert logged() == logged()
    entry = LogEntry.objects.order_by("pk").first()
    assert entry is not None
    assert (entry.category, entry.refs[0]) == ("configuration", {"kind": "carrier", "id": carrier.pk, "label": "Acme"})


def test_a_change_by_nobody_is_the_systems(alice: User) -> None:
    carrier = a_carrier(alice, "Acme")
    Carrier.objects.filter(pk=carrier.pk).update(enabled=False)
    assert logged()[-1] == "The system changed carrier Acme: enabled: yes → no."


def test_a_mapping_is_told_by_names_and_stands_on_both_pages(alice: User) -> None:
    [did] = some_dids(alice, a_carrier(alice), "+442079460018")
    alias = an_alias(alice, an_account(alice))
    with acting(alice):
        DID.objects.filter(pk=did.pk).update(alias=alias, state="mapped")
    assert logged()[-1] == "alice changed DID +442079460018: alias: none → desk-101; state: Available → Mapped."
    entry = LogEntry.objects.order_by("-pk").first()
    assert entry is not None
    assert {ref["kind"] for ref in entry.refs} == {"did", "carrier", "alias"}
    assert entry.number == "442079460018"


def test_secrets_are_not_told(alice: User) -> None:
    an_alias(alice, an_account(alice))
    alice.set_password("another long secret")
    alice.save()
    text = " ".join(logged())
    assert "ha1" not in text
    assert "another" not in text
    assert "pbkdf2" not in text


def test_many_alike_are_one_entry(alice: User) -> None:
    carrier = a_carrier(alice)
    some_dids(alice, carrier, "\n".join(f"+4420794601{number:02d}" for number in range(60)))
    added = [message for message in logged() if "DID" in message]
    assert added == [
        "alice added 60 DIDs: +442079460100, +442079460101, +442079460102, +442079460103, +442079460104, …."
    ]


def test_a_transaction_larger_than_what_is_read_at_once_is_one_entry_of_its_whole(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("systemlog.follow.AT_ONCE", 25)
    monkeypatch.setattr("cdr.change_log.AT_ONCE", 25)
    monkeypatch.setattr("systemlog.follow.LOOK_BACK", 0)
    some_dids(alice, a_carrier(alice), "\n".join(f"+4420794601{number:02d}" for number in range(60)))
    for _ in range(4):
        told = logged()
    assert [message for message in told if "DID" in message] == [
        "alice added 60 DIDs: +442079460100, +442079460101, +442079460102, +442079460103, +442079460104, …."
    ]


def test_a_payment_is_logged_under_billing(alice: User) -> None:
    carrier = a_carrier(alice, "Acme")
    record_payment(actor=alice, balance=carrier.balance, amount=Decimal("25"), idempotency_key="k1")
    message = logged()[-1]
    assert message == "alice: payment of +25.00 USD for carrier Acme; balance 25.00 USD."
    assert LogEntry.objects.filter(category="billing").count() == 1


def test_a_change_that_commits_late_is_not_missed(alice: User) -> None:
    """A long transaction draws its ids first and commits last; what commits meanwhile must not hide it."""
    begun, may_end = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic(), acting(alice):
                a_carrier(alice, "Slow")
                begun.set()
                may_end.wait(60)
        finally:
            connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    begun.wait(60)
    for number in range(3):
        a_carrier(alice, f"Quick {number}")
    log_changes()
    may_end.set()
    thread.join()
    assert sorted(logged()) == sorted(
        [f"alice added carrier {name}." for name in ("Quick 0", "Quick 1", "Quick 2", "Slow")]
    )
