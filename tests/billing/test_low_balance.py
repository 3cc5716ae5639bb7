"""Who is told of a low balance: once per crossing, by mail where there is an address, in the System Log always."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import Account
from billing.choices import EntryKind
from billing.low_balance import tell_low_balances
from billing.models import Balance
from billing.posting import Posting, post
from billing.services import open_balance, record_payment, set_terms
from carriers.models import Carrier
from core.models import User
from systemlog.mail.models import OutgoingMail
from systemlog.mail.tasks import deliver_due_mail
from systemlog.models import LogEntry
from tests.inventory import a_carrier, a_user, an_account
from tests.mail.server import Keeper, mail_server

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings: Any) -> Iterator[Keeper]:
    """A mail server on this machine that the installation knows."""
    with mail_server() as (keeper, host, port):
        settings.EMAIL_HOST, settings.EMAIL_PORT = host, port
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        yield keeper


@pytest.fixture
def account() -> Account:
    """An account of a client with an address, which is told below 5."""
    actor = a_user()
    account = an_account(actor)
    account.client.email = "pay@bloom.example"
    account.client.save()
    record_payment(actor=actor, balance=account.balance, amount=Decimal(10), idempotency_key="start")
    set_terms(actor=actor, balance=account.balance, low_at=Decimal(5))
    return account


def charge(balance: Balance, amount: str, key: str) -> None:
    post([Posting(balance.pk, EntryKind.CHARGE, -Decimal(amount), key)])


def log() -> list[str]:
    return list(LogEntry.objects.filter(reason="low_balance").order_by("id").values_list("message", flat=True))


def test_a_notice_is_sent_once_per_crossing(server: Keeper, account: Account) -> None:
    balance = account.balance
    charge(balance, "5", "a")
    assert tell_low_balances() == 0, "5 is not below 5"
    charge(balance, "0.000001", "b")
    assert [tell_low_balances(), tell_low_balances()] == [1, 0]
    charge(balance, "1", "c")
    assert tell_low_balances() == 0, "it has been told already"
    deliver_due_mail()
    [message] = server.messages
    assert (message["To"], message["Subject"]) == ("pay@bloom.example", "Low balance: 4.999999 USD")
    assert "below 5.00 USD" in message.get_content() and "when it is used up" in message.get_content()
    assert log() == ["The balance of Main office is 4.999999 USD, below 5.00 USD. A notice goes to pay@bloom.example."]
    assert LogEntry.objects.get(reason="low_balance").refs[0]["label"] == "Main office"
    record_payment(actor=a_user(), balance=balance, amount=Decimal(2), idempotency_key="up")
    set_terms(actor=a_user(), balance=balance, credit_limit=Decimal(4))
    charge(balance, "8", "d")
    assert tell_low_balances() == 1
    deliver_due_mail()
    # Its calls go on below zero, so the notice says where they end.
    assert "when the credit limit of 4.00 USD is used up too" in server.messages[1].get_content()
    assert len(server.messages) == 2


def test_above_again_before_it_was_told_tells_nobody(server: Keeper, account: Account) -> None:
    charge(account.balance, "9", "a")
    record_payment(actor=a_user(), balance=account.balance, amount=Decimal(9), idempotency_key="up")
    assert tell_low_balances() == 0


def test_a_new_threshold_counts_at_once_and_none_stops_notices(account: Account) -> None:
    actor = a_user()
    set_terms(actor=actor, balance=account.balance, low_at=Decimal(20))
    assert tell_low_balances() == 1
    set_terms(actor=actor, balance=account.balance, low_at=None)
    charge(account.balance, "30", "a")
    assert tell_low_balances() == 0
    assert Balance.objects.get(pk=account.balance_id).low_since is None


def test_the_address_of_the_balance_goes_before_the_clients(server: Keeper, account: Account) -> None:
    set_terms(actor=a_user(), balance=account.balance, low_email="desk@bloom.example")
    charge(account.balance, "6", "a")
    tell_low_balances()
    assert OutgoingMail.objects.get().to == "desk@bloom.example"


def test_without_server_or_address_the_log_says_that_nobody_was_told(settings: Any, account: Account) -> None:
    settings.EMAIL_HOST = ""
    carrier = a_carrier(a_user(), "Acme")
    set_terms(actor=a_user(), balance=carrier.balance, low_at=Decimal(1))
    charge(account.balance, "6", "a")
    assert tell_low_balances() == 2
    words = " ".join(log())
    assert "No mail server is set" in words
    assert "The balance of Acme is 0.00 USD, below 1.00 USD. Nobody is told by e-mail: there is no address." in words
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"low_at": Decimal("NaN")}, "low_at"),
        ({"low_at": Decimal("1e12")}, "low_at"),
        ({"low_email": "x"}, "low_email"),
    ],
)
def test_what_is_no_amount_or_address_is_refused(terms: dict[str, Any], field: str) -> None:
    balance = open_balance(currency="USD")
    with pytest.raises(ValidationError) as refused:
        set_terms(actor=a_user(), balance=balance, **terms)
    assert field in refused.value.message_dict


def test_an_operator_sets_it_on_the_main_tab(operator_page: Browser, operator: User, account: Account) -> None:
    values = {"name": account.name, "state": "active", "product": "", "credit_limit": "0"}
    wrong = operator_page.post(account.get_absolute_url(), values | {"low_at": "5,0", "low_email": "nobody"})
    assert wrong.status_code == 422
    assert 'value="5,0"' in wrong.content.decode() and 'value="nobody"' in wrong.content.decode()
    right = operator_page.post(account.get_absolute_url(), values | {"low_at": "7.5", "low_email": "a@b.example"})
    assert right.status_code == 302
    balance = Balance.objects.get(pk=account.balance_id)
    assert (balance.low_at, balance.low_email) == (Decimal("7.5"), "a@b.example")
    assert 'value="7.5"' in operator_page.get(account.get_absolute_url()).content.decode()
    carrier = a_carrier(operator, "Acme")
    saved = operator_page.post(
        reverse("carriers:carrier_detail", args=[carrier.pk]),
        {"name": "Acme", "enabled": "on", "credit_limit": "1", "low_at": "2", "low_email": ""},
    )
    assert saved.status_code == 302
    assert Carrier.objects.get(pk=carrier.pk).balance.low_at == Decimal(2)
