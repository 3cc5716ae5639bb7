"""Rows that tests of carriers, accounts and DIDs start from, made by the very services the pages call."""

import itertools
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.db import connection

from accounts.models import Account, Alias
from accounts.services import create_account, create_alias, create_client
from billing.choices import ProductKind
from billing.models import Product, ProductMapping, Rate, RateTable
from billing.selectors import free_inbound_product
from carriers.models import Carrier, CarrierAccount
from carriers.networks import read_network
from carriers.services import create_carrier, save_carrier_account
from core.choices import Role
from core.models import User
from core.preview import digest_of
from dids.bulk import add_dids, plan_list
from dids.models import DID

_numbers = itertools.count(1)


def a_user(role: Role = Role.OPERATOR, name: str = "") -> User:
    """Create a user of the portal."""
    return User.objects.create_user(name or f"user{next(_numbers)}", role=role)


def a_carrier(actor: User, name: str = "Acme", currency: str = "USD", **values: Any) -> Carrier:
    """Create a carrier."""
    return create_carrier(actor=actor, name=name, currency=currency, **values)


def an_address(actor: User, carrier: Carrier, network: str, tech_prefix: str = "", **values: Any) -> CarrierAccount:
    """Add an address or subnet to a carrier."""
    values.setdefault("product", free_inbound_product())
    parsed = read_network(network, subnet="/" in network)
    entry = CarrierAccount(carrier=carrier, network=parsed, tech_prefix=tech_prefix, **values)
    return save_carrier_account(actor=actor, account=entry)


def an_account(actor: User, name: str = "Main office", client: str = "Bloom Ltd", **values: Any) -> Account:
    """Create an account and its client."""
    owner = create_client(actor=actor, name=client)
    return create_account(actor=actor, client=owner, name=name, currency=values.pop("currency", "USD"), **values)


def an_alias(actor: User, account: Account, username: str = "desk-101") -> Alias:
    """Create an alias."""
    return create_alias(actor=actor, account=account, username=username)[0]


def some_dids(actor: User, carrier: Carrier, text: str) -> list[DID]:
    """Add the DIDs of a pasted list."""
    plan = plan_list(carrier=carrier, text=text)
    return add_dids(actor=actor, carrier=carrier, plan=plan, previewed=digest_of(plan))


def a_product(currency: str, rate_minute: str, kind: ProductKind = ProductKind.ORIGINATING_CARRIER) -> Product:
    """Create a product with one table that prices every number."""
    number = next(_numbers)
    table = RateTable.objects.create(name=f"table {number}", currency=currency)
    Rate.objects.create(table=table, rate_minute=Decimal(rate_minute))
    product = Product.objects.create(name=f"product {number}", kind=kind)
    ProductMapping.objects.create(product=product, rate_table=table, starts_at="2000-01-01T00:00Z")
    return product


def at_the_same_moment(*actions: Callable[[], Any]) -> list[Any]:
    """Run each action in a thread with a connection of its own, started together; return results or exceptions."""
    barrier = threading.Barrier(len(actions))
    results: list[Any] = [None] * len(actions)

    def run(index: int, action: Callable[[], Any]) -> None:
        try:
            barrier.wait(10)
            results[index] = action()
        except Exception as error:  # noqa: BLE001 - the test looks at what each thread met
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results
