"""What is held for calls is shown where people look: the owner's page, and the simulator before any call."""

import json
import uuid
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Account
from billing.choices import ProductKind
from billing.metering.models import MeteredCall
from billing.models import Product
from billing.reservations import release
from core.models import User
from routing.store import snapshots
from tests.cast import page_of
from tests.inventory import a_product
from tests.routing.operator import a_mapped_did, give_credit

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    """An account that pays a cent a second for what it receives, with funds for one quantum and a half."""
    a_mapped_did()
    Account.objects.update(product=a_product("USD", "0.6", ProductKind.ACCOUNT))
    account = Account.objects.select_related("balance").get()
    give_credit(account.balance, "0.9")
    return account


@pytest.fixture
def reader(support: User) -> Client:
    return page_of(support)


def hold(account: Account) -> str:
    """Reserve for one call, as a decider does."""
    attempt = str(uuid.uuid4())
    leg = {
        "leg": "account", "balance": account.balance_id, "currency": "USD", "minute": "0.6", "call": "0",
        "increment": 1, "minimal": 0, "free": None,
    }  # fmt: skip
    call = {"attempt": attempt, "switch": "sw1", "at": 1795418480.5, "max": 3600, "legs": [leg]}
    with connection.cursor() as cursor:
        cursor.execute("SELECT refused FROM metering_reserve(%s::jsonb, 60, 2)", [json.dumps([call])])
        assert cursor.fetchone() == (False,)
    return attempt


def test_the_account_shows_what_is_held_and_for_which_calls(account: Account, reader: Client) -> None:
    address = account.get_absolute_url()
    assert "Held for calls now" not in reader.get(address).content.decode()
    attempt = hold(account)
    text = reader.get(address).content.decode()
    assert "Held for calls now" in text
    assert f"/{attempt}/" in text and "0.61" in text and "Rings" in text
    MeteredCall.objects.update(lacking="account")
    assert "Funds end" in reader.get(address).content.decode()
    release([uuid.UUID(attempt)])
    assert "Held for calls now" not in reader.get(address).content.decode()


def test_only_the_newest_calls_are_listed(account: Account, reader: Client) -> None:
    give_credit(account.balance, "100")
    attempts = [hold(account) for _ in range(12)]
    text = reader.get(account.get_absolute_url()).content.decode()
    assert [attempt for attempt in attempts if attempt in text] == attempts[2:]
    assert "And more calls: the newest 10 are shown" in text


def simulated(reader: Client) -> str:
    answer = reader.get("/tools/simulator/", {"source": "203.0.113.5", "number": "+442079460018"})
    return " ".join(answer.content.decode().split())


def test_the_simulator_says_what_a_call_would_have_held(account: Account, reader: Client) -> None:
    text = simulated(reader)
    assert "Would be held before it rings" in text
    assert "0.61" in text and "There" in text
    hold(account)
    text = simulated(reader)
    assert "Not there" in text and "The account has no funds for this call" in text
    Product.objects.filter(kind=ProductKind.ACCOUNT).update(free_seconds=40)
    snapshots.forget()  # versions are made by commits, and a test's transaction has none
    text = simulated(reader)
    # Forty seconds are free, twenty-one are to pay, and 0.29 is there.
    assert "0.21" in text and 'title="40 s">0:40</span> of its free seconds' in text and "Not there" not in text
    assert MeteredCall.objects.count() == 1


def test_a_free_call_holds_nothing(account: Account, reader: Client) -> None:
    Account.objects.update(product=None)
    assert "Would be held" not in simulated(reader)
    assert account.balance.reserved == Decimal(0)
