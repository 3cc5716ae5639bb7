"""Registrations are what the switch's events say, in whatever order they come."""

import itertools
import time

import pytest

from accounts.models import Account, Alias, Client, Registration
from accounts.registration_events import contact_uris
from billing.models import Balance
from systemlog.events import event_of
from systemlog.intake import take_in
from systemlog.models import LogEntry
from tests.calls import registration

pytestmark = pytest.mark.django_db
NOW = time.time()


@pytest.fixture
def alias() -> Alias:
    account = Account.objects.create(
        client=Client.objects.create(name="Baltic Bakery"),
        name="Riga office",
        balance=Balance.objects.create(currency="USD"),
    )
    return Alias.objects.create(account=account, username="u1001")


def test_a_registration_is_kept_and_logged_a_refresh_only_kept(alias: Alias) -> None:
    take_in([event_of(registration("registered", "u1001", NOW - 30))])
    take_in([event_of(registration("refreshed", "u1001", NOW))])
    row = Registration.objects.get()
    assert (row.contact, row.received) == ("sip:u1001@10.0.0.7:5060", "198.51.100.7:5060")
    assert row.registered_at.timestamp() == pytest.approx(NOW - 30, abs=1e-3)
    assert row.expires_at.timestamp() == pytest.approx(NOW + 60, abs=1e-3)
    entry = LogEntry.objects.get()
    assert entry.message == "u1001 registered from 198.51.100.7:5060 (Desk phone 1)."
    assert [ref["kind"] for ref in entry.refs] == ["alias", "account", "client"]


def test_any_order_gives_the_same_state(alias: Alias) -> None:
    told = [
        registration("registered", "u1001", NOW - 50),
        registration("refreshed", "u1001", NOW - 20),
        registration("expired", "u1001", NOW, contact="sip:u1001@10.0.0.7:5060"),
    ]
    states = set()
    for order in itertools.permutations(told):
        Registration.objects.all().delete()
        for number, event in enumerate(order):
            take_in([event_of(event | {"seq": number})], repeat=True)
        row = Registration.objects.get()
        states.add((row.refreshed_at, row.ended_at is not None))
    assert len({refreshed for refreshed, _ in states}) == 1


@pytest.mark.parametrize("contact", ["*", "<sip:u1001@10.0.0.7:5060>;expires=0", "sip:u1001@10.0.0.7:5060"])
def test_an_unregistration_ends_it(alias: Alias, contact: str) -> None:
    take_in([event_of(registration("registered", "u1001", NOW - 50))])
    take_in([event_of(registration("unregistered", "u1001", NOW, contact=contact))])
    assert Registration.objects.get().ended_at is not None


@pytest.mark.parametrize(
    ("reason", "words"),
    [("wrong_secret", "wrong secret"), ("unknown_user", "no such SIP user name"), ("", "unknown reason")],
)
def test_a_refusal_is_a_warning_and_says_why(alias: Alias, reason: str, words: str) -> None:
    take_in([event_of(registration("refused", "u1001", NOW, reason=reason))])
    entry = LogEntry.objects.get()
    assert (entry.category, entry.severity, entry.source) == ("registration", "warning", "198.51.100.7")
    assert words in entry.message
    assert not Registration.objects.exists()


def test_a_stranger_is_logged_without_a_reference() -> None:
    take_in([event_of(registration("refused", "nobody", NOW, reason="unknown_user"))])
    assert LogEntry.objects.get().refs == []


@pytest.mark.parametrize(
    ("header", "uris"),
    [
        ("<sip:a@h;transport=tcp>;expires=60", ["sip:a@h;transport=tcp"]),
        ('"A, B" <sip:a@h>, <sip:b@h>', ["sip:a@h", "sip:b@h"]),
        ("sip:a@h;expires=5", ["sip:a@h"]),
        ("*", ["*"]),
        ("", []),
    ],
)
def test_contacts_are_read_from_their_header(header: str, uris: list[str]) -> None:
    assert contact_uris(header) == uris


def test_an_expiry_says_where_the_phone_was(alias: Alias) -> None:
    """It comes from no packet, so only the contact tells."""
    take_in([event_of(registration("registered", "u1001", NOW - 50))])
    expiry = registration("expired", "u1001", NOW, contact="sip:u1001@10.0.0.7:5060;transport=udp")
    take_in([event_of(expiry | {"received": "", "source": "", "port": 0})])
    message = LogEntry.objects.filter(reason="expired").get().message
    assert message.startswith("The registration of u1001 at 10.0.0.7:5060 expired")
