"""Clients, accounts and aliases: secrets shown once, hashes stored, deletion only where nothing is lost."""

import hashlib
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from pytest_django import Settings

from accounts.choices import AccountState
from accounts.models import Account, Alias, Client
from accounts.services import (
    UNMISTAKABLE,
    create_account,
    create_alias,
    create_client,
    delete_account,
    delete_alias,
    delete_client,
    digests,
    new_secret,
    regenerate_secret,
    set_account_state,
    update_account,
    update_alias,
    update_client,
)
from billing.models import Balance
from billing.services import record_payment
from dids.services import map_dids
from tests.inventory import a_carrier, a_user, an_account, an_alias, some_dids

pytestmark = pytest.mark.django_db


def test_the_digests_are_ha1_of_rfc_7616(settings: Settings) -> None:
    # The user, realm and password of RFC 7616, 3.9.1.
    settings.SIP_REALM = "http-auth@example.org"
    md5, sha256 = digests("Mufasa", "Circle of Life")
    assert md5 == "3d78807defe7de2157e2b0b6573a855f"
    assert sha256 == hashlib.sha256(b"Mufasa:http-auth@example.org:Circle of Life").hexdigest()


def test_a_new_alias_stores_hashes_only_and_its_secret_is_strong(settings: Settings) -> None:
    alias, secret = create_alias(actor=a_user(), account=an_account(a_user()), username=" desk-101 ")
    assert alias.username == "desk-101"
    assert len(secret) >= 20 and set(secret) <= set(UNMISTAKABLE)
    assert (alias.ha1_md5, alias.ha1_sha256) == digests("desk-101", secret)
    stored = Alias.objects.values().get(pk=alias.pk)
    assert secret not in str(stored)
    assert "ha1_md5" not in alias.events.values().get(), "digest hashes are secrets: no history keeps them"
    assert new_secret() != new_secret()


def test_a_new_secret_replaces_the_old_one() -> None:
    actor = a_user()
    alias, old = create_alias(actor=actor, account=an_account(actor), username="desk-101")
    new = regenerate_secret(actor=actor, alias=alias)
    alias.refresh_from_db()
    assert new != old
    assert (alias.ha1_md5, alias.ha1_sha256) == digests("desk-101", new)


@pytest.mark.parametrize("username", ["", "ab", "has space", "a@b.c", "-dash", "x" * 65, "desk-101"])
def test_a_malformed_or_taken_user_name_is_refused_beside_the_field(username: str) -> None:
    actor = a_user()
    account = an_account(actor)
    an_alias(actor, account, "desk-101")
    with pytest.raises(ValidationError) as caught:
        create_alias(actor=actor, account=account, username=username)
    assert "username" in caught.value.error_dict
    assert Alias.objects.count() == 1


def test_a_clients_name_that_differs_in_capitals_alone_is_taken() -> None:
    actor = a_user()
    bloom = create_client(actor=actor, name="Bloom Ltd")
    other = create_client(actor=actor, name="Rose Ltd")
    with pytest.raises(ValidationError, match="There is a client “Bloom Ltd” already"):
        create_client(actor=actor, name="BLOOM ltd")
    with pytest.raises(ValidationError, match="There is a client “Bloom Ltd” already"):
        update_client(actor=actor, client=other, name="bloom LTD")
    assert update_client(actor=actor, client=bloom, name="BLOOM Ltd").name == "BLOOM Ltd"


def test_an_account_name_is_used_once_per_client() -> None:
    actor = a_user()
    account = an_account(actor)
    balances = Balance.objects.count()
    with pytest.raises(ValidationError) as caught:
        create_account(actor=actor, client=account.client, name="Main office", currency="USD")
    assert "Bloom Ltd has an account" in caught.value.message_dict["name"][0]
    assert Balance.objects.count() == balances


def test_an_account_is_suspended_and_made_active_again() -> None:
    actor = a_user()
    account = an_account(actor)
    assert set_account_state(actor=actor, account=account, state=AccountState.SUSPENDED).state == "suspended"
    assert set_account_state(actor=actor, account=account, state=AccountState.ACTIVE).state == "active"
    with pytest.raises(ValidationError):
        update_account(actor=actor, account=account, state="gone")


def test_an_alias_keeps_its_name_and_secret_through_an_edit() -> None:
    actor = a_user()
    alias = an_alias(actor, an_account(actor))
    changed = update_alias(actor=actor, alias=alias, enabled=False, description="Front desk")
    assert (changed.enabled, changed.description, changed.ha1_md5) == (False, "Front desk", alias.ha1_md5)


def test_deletion_is_refused_with_what_would_be_lost() -> None:
    actor = a_user()
    account = an_account(actor)
    alias = an_alias(actor, account)
    dids = some_dids(actor, a_carrier(actor), "+44 20 7946 0018\n+44 20 7946 0019")
    map_dids(actor=actor, did_ids=[did.pk for did in dids], alias=alias, account=account)
    record_payment(actor=actor, balance=account.balance, amount=Decimal(1), idempotency_key="a")
    with pytest.raises(ValidationError, match=r"\+44 20 7946 0018, \+44 20 7946 0019 ring desk-101: unmap or move"):
        delete_alias(actor=actor, alias=alias)
    with pytest.raises(ValidationError, match="1 alias and 1 ledger entry: archive it instead"):
        delete_account(actor=actor, account=account)
    with pytest.raises(ValidationError, match="1 account: archive"):
        delete_client(actor=actor, client=account.client)


def test_what_nothing_depends_on_can_be_deleted() -> None:
    actor = a_user()
    account = an_account(actor)
    delete_alias(actor=actor, alias=an_alias(actor, account))
    delete_account(actor=actor, account=account)
    delete_client(actor=actor, client=account.client)
    assert not (Alias.objects.exists() or Account.objects.exists() or Client.objects.exists())
    assert not Balance.objects.filter(pk=account.balance_id).exists()
