"""What money refers to is not deleted: the page says why, and archives it instead."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import Account, Client
from accounts.services import (
    archive_account,
    archive_client,
    create_account,
    create_client,
    delete_account,
    set_account_state,
    update_account,
)
from billing.choices import ProductKind
from billing.models import Product, ProductMapping, RateTable
from billing.pricing import archive_product, archive_rate_table, save_mapping
from billing.services import record_payment
from carriers.models import Carrier
from carriers.services import archive_carrier, delete_carrier, update_carrier
from core.models import User
from dids.models import DID
from dids.services import map_dids, retire_dids, unmap_dids
from tests.inventory import a_carrier, a_product, a_user, an_account, an_alias, some_dids

pytestmark = pytest.mark.django_db


@pytest.fixture
def paid() -> tuple[User, Account, Carrier]:
    """An account and a carrier that money has moved for, with a number between them."""
    actor = a_user()
    account, carrier = an_account(actor), a_carrier(actor, "Acme")
    for owner in (account, carrier):
        record_payment(actor=actor, balance=owner.balance, amount=Decimal(1), idempotency_key=str(owner))
    [did] = some_dids(actor, carrier, "+442079460018")
    map_dids(actor=actor, did_ids=[did.pk], alias=an_alias(actor, account), account=account)
    return actor, account, carrier


def test_deletion_is_refused_with_the_reason(paid: tuple[User, Account, Carrier]) -> None:
    actor, account, carrier = paid
    with pytest.raises(ValidationError, match="1 alias and 1 ledger entry: archive it instead"):
        delete_account(actor=actor, account=account)
    with pytest.raises(ValidationError, match="1 DID and 1 ledger entry: archive it instead"):
        delete_carrier(actor=actor, carrier=carrier)


def test_what_is_in_use_is_not_archived(paid: tuple[User, Account, Carrier]) -> None:
    actor, account, carrier = paid
    with pytest.raises(ValidationError, match="1 DID rings Main office: unmap these first"):
        archive_account(actor=actor, account=account)
    with pytest.raises(ValidationError, match="1 DID that is not retired"):
        archive_carrier(actor=actor, carrier=carrier)
    with pytest.raises(ValidationError, match="1 account in use: archive these first"):
        archive_client(actor=actor, client=account.client)


def test_the_archived_take_no_calls_and_come_back_as_they_were_left(paid: tuple[User, Account, Carrier]) -> None:
    actor, account, carrier = paid
    did = DID.objects.get()
    alias = account.aliases.get()
    unmap_dids(actor=actor, did_ids=[did.pk])
    assert archive_account(actor=actor, account=account).state == "suspended"
    account.refresh_from_db()
    with pytest.raises(ValidationError, match="archived: take it back first"):
        set_account_state(actor=actor, account=account, state="active")  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="archived"):
        map_dids(actor=actor, did_ids=[did.pk], alias=alias, account=account)
    retire_dids(actor=actor, did_ids=[did.pk])
    assert not archive_carrier(actor=actor, carrier=carrier).enabled
    with pytest.raises(ValidationError, match="archived: take it back first"):
        update_carrier(actor=actor, carrier=carrier, enabled=True)
    client = archive_client(actor=actor, client=account.client)
    with pytest.raises(ValidationError, match="is archived"):
        create_account(actor=actor, client=client, name="Second", currency="USD")
    with pytest.raises(ValidationError, match="Its client Bloom Ltd is archived"):
        archive_account(actor=actor, account=account, archived=False)
    archive_client(actor=actor, client=client, archived=False)
    assert archive_account(actor=actor, account=account, archived=False).state == "suspended"
    assert not archive_carrier(actor=actor, carrier=carrier, archived=False).enabled
    record_payment(actor=actor, balance=account.balance, amount=Decimal(1), idempotency_key="late")


@pytest.mark.parametrize("kind", ["accounts:client", "accounts:account", "carriers:carrier"])
def test_pages_archive_hide_show_and_take_back(operator_page: Browser, kind: str) -> None:
    actor = a_user()
    account = an_account(actor)
    row = {"client": account.client, "account": account, "carrier": a_carrier(actor, "Acme")}[kind.partition(":")[2]]
    if kind == "accounts:client":
        archive_account(actor=actor, account=account)
    shown = operator_page.get(row.get_absolute_url()).content.decode()
    archive = reverse(f"{kind}_archive", args=[row.pk])
    assert archive in shown
    assert "hidden from lists" in operator_page.get(archive).content.decode()
    assert operator_page.post(archive).status_code == 302
    name = f">{row}</a>"
    assert name not in operator_page.get(reverse(f"{kind}_list")).content.decode()
    assert name in operator_page.get(reverse(f"{kind}_list"), {"archived": "only"}).content.decode()
    shown = operator_page.get(row.get_absolute_url()).content.decode()
    assert "Archived" in shown and archive not in shown
    assert operator_page.post(reverse(f"{kind}_restore", args=[row.pk])).status_code == 302
    assert name in operator_page.get(reverse(f"{kind}_list")).content.decode()


def test_a_refused_archive_says_why_on_its_page(
    operator_page: Browser, support_page: Browser, paid: tuple[User, Account, Carrier]
) -> None:
    _, account, _ = paid
    page = reverse("accounts:account_archive", args=[account.pk])
    refused = operator_page.post(page)
    assert refused.status_code == 422
    assert "unmap these first" in refused.content.decode()
    assert support_page.post(page).status_code == 403
    delete = operator_page.get(reverse("accounts:account_delete", args=[account.pk])).content.decode()
    assert page in delete and "1 ledger entry" in delete
    assert Client.objects.get().archived_at is None


def test_what_was_archived_while_a_form_was_open_is_not_used_any_more() -> None:
    """Whoever sends the form holds rows as they were when it was opened; an API's client names any row it likes."""
    actor, table = a_user(), RateTable.objects.create(name="Old", currency="USD")
    product, other = a_product("USD", "0.01", ProductKind.ACCOUNT), a_product("USD", "0.01", ProductKind.ACCOUNT)
    account, carrier = an_account(actor), a_carrier(actor, "Acme")
    [did] = some_dids(actor, carrier, "+442079460018")
    alias, client = an_alias(actor, account), create_client(actor=actor, name="Cogs Ltd")
    retired = a_carrier(actor, "Gone")
    archive_product(actor=actor, product=Product.objects.get(pk=product.pk))
    archive_rate_table(actor=actor, table=RateTable.objects.get(pk=table.pk))
    archive_account(actor=actor, account=Account.objects.get(pk=account.pk))
    archive_client(actor=actor, client=Client.objects.get(pk=client.pk))
    archive_carrier(actor=actor, carrier=Carrier.objects.get(pk=retired.pk))
    mapping = ProductMapping(product=other, rate_table=table, starts_at="2026-01-01T00:00Z")
    live = an_account(actor, client="Bolts Ltd")
    for attempt in (
        lambda: map_dids(actor=actor, did_ids=[did.pk], alias=alias, account=account),
        lambda: create_account(actor=actor, client=client, name="Desk", currency="USD"),
        lambda: update_account(actor=actor, account=live, product=product),
        lambda: save_mapping(actor=actor, mapping=mapping),
        lambda: some_dids(actor, retired, "+442079460019"),
    ):
        with pytest.raises(ValidationError, match="archived: take it back first"):
            attempt()
    assert not DID.objects.exclude(pk=did.pk).exists()
