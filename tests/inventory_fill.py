"""Rows for the query ceilings of the pages of carriers, accounts, DIDs and products."""

import ipaddress
import itertools
import uuid
from collections.abc import Callable
from typing import Any

from django.utils import timezone

_serial = itertools.count(1)

Fill = Callable[[int], list[Any]]


def _numbers(count: int) -> list[int]:
    return [next(_serial) for _ in range(count)]


def _carrier() -> Any:
    from billing.models import Balance
    from carriers.models import Carrier

    found = Carrier.objects.filter(name="Filled").first()
    return found or Carrier.objects.create(name="Filled", balance=Balance.objects.create(currency="USD"))


def _account() -> Any:
    from accounts.models import Account, Client
    from billing.models import Balance

    client, _ = Client.objects.get_or_create(name="Filled")
    found = Account.objects.filter(client=client, name="Filled").first()
    return found or Account.objects.create(client=client, name="Filled", balance=Balance.objects.create(currency="USD"))


def _alias() -> Any:
    from accounts.models import Alias

    return Alias.objects.get_or_create(username="filled", defaults={"account": _account()})[0]


def fill_carriers(count: int) -> list[Any]:
    from billing.models import Balance
    from carriers.models import Carrier

    for number in _numbers(count):
        Carrier.objects.create(name=f"Carrier {number}", balance=Balance.objects.create(currency="USD"))
    return []


def fill_addresses(count: int) -> list[Any]:
    from billing.selectors import free_inbound_product
    from carriers.models import CarrierAccount

    carrier, product = _carrier(), free_inbound_product()
    CarrierAccount.objects.bulk_create(
        CarrierAccount(carrier=carrier, product=product, network=ipaddress.ip_network((10 << 24) + number))
        for number in _numbers(count)
    )
    return [carrier.pk]


def _entries(balance: Any, count: int) -> None:
    from billing.models import LedgerEntry

    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            balance=balance,
            kind="payment",
            amount=1,
            balance_after=1,
            idempotency_key=str(uuid.uuid4()),
            at=timezone.now(),
        )
        for _ in range(count)
    )


def fill_carrier_ledger(count: int) -> list[Any]:
    _entries(_carrier().balance, count)
    return [_carrier().pk]


def fill_account_ledger(count: int) -> list[Any]:
    _entries(_account().balance, count)
    return [_account().pk]


def _dids(count: int, **values: Any) -> None:
    from dids.models import DID

    carrier = _carrier()
    DID.objects.bulk_create(
        DID(number=f"4420794{number:05d}", carrier=carrier, state_since=timezone.now(), **values)
        for number in _numbers(count)
    )


def fill_dids(count: int) -> list[Any]:
    _dids(count, state="mapped", alias=_alias())
    return []


def fill_carrier_dids(count: int) -> list[Any]:
    fill_dids(count)
    return [_carrier().pk]


def fill_account_dids(count: int) -> list[Any]:
    fill_dids(count)
    return [_account().pk]


def fill_alias_dids(count: int) -> list[Any]:
    fill_dids(count)
    return [_alias().pk]


def fill_available(count: int) -> list[Any]:
    _dids(count)
    return [_alias().account_id]


def fill_clients(count: int) -> list[Any]:
    from accounts.models import Client

    Client.objects.bulk_create(Client(name=f"Client {number}") for number in _numbers(count))
    return []


def fill_accounts(count: int) -> list[Any]:
    from accounts.models import Account
    from billing.models import Balance

    client = _account().client
    for number in _numbers(count):
        Account.objects.create(client=client, name=f"a{number}", balance=Balance.objects.create(currency="USD"))
    return []


def fill_client_accounts(count: int) -> list[Any]:
    fill_accounts(count)
    return [_account().client_id]


def fill_aliases(count: int) -> list[Any]:
    from accounts.models import Alias

    account = _account()
    Alias.objects.bulk_create(Alias(account=account, username=f"alias-{number}") for number in _numbers(count))
    return []


def fill_account_aliases(count: int) -> list[Any]:
    fill_aliases(count)
    return [_account().pk]


def fill_registrations(count: int) -> list[Any]:
    from accounts.models import Registration

    alias, now = _alias(), timezone.now()
    Registration.objects.bulk_create(
        Registration(
            alias=alias, switch="sw1", contact=f"sip:{number}@h", registered_at=now, refreshed_at=now, expires_at=now
        )
        for number in _numbers(count)
    )
    return []


def fill_products(count: int) -> list[Any]:
    from billing.models import Product

    Product.objects.bulk_create(Product(name=f"Product {number}", kind="account") for number in _numbers(count))
    return []


def _table() -> Any:
    from billing.models import RateTable

    return RateTable.objects.get_or_create(name="Filled", defaults={"currency": "USD"})[0]


def fill_mappings(count: int) -> list[Any]:
    from billing.models import Product, ProductMapping

    product, _ = Product.objects.get_or_create(name="Filled", defaults={"kind": "account"})
    ProductMapping.objects.bulk_create(
        ProductMapping(product=product, rate_table=_table(), prefix=str(number), starts_at=timezone.now())
        for number in _numbers(count)
    )
    return [product.pk]


def fill_rate_tables(count: int) -> list[Any]:
    from billing.models import RateTable

    RateTable.objects.bulk_create(RateTable(name=f"Table {number}", currency="USD") for number in _numbers(count))
    return []


def fill_rates(count: int) -> list[Any]:
    from billing.models import Rate

    table = _table()
    Rate.objects.bulk_create(Rate(table=table, code=str(number)) for number in _numbers(count))
    return [table.pk]


def fill_plans(count: int) -> list[Any]:
    from dids.plans.models import RentalPlan

    RentalPlan.objects.bulk_create(
        RentalPlan(name=f"Plan {number}", side="sold", currency="USD", monthly_fee=1) for number in _numbers(count)
    )
    return []


def _rented(count: int, **plans: Any) -> None:
    _dids(count, state="mapped", alias=_alias(), **plans)


def _plan(side: str) -> Any:
    from dids.plans.models import RentalPlan

    values = {"side": side, "currency": "USD", "monthly_fee": 1}
    return RentalPlan.objects.get_or_create(name=f"Filled, {side}", defaults=values)[0]


def fill_account_rentals(count: int) -> list[Any]:
    _rented(count, sold_plan=_plan("sold"))
    return [_account().pk]


def fill_carrier_rentals(count: int) -> list[Any]:
    _rented(count, bought_plan=_plan("bought"))
    return [_carrier().pk]


# Queries and filler by URL name. A tab asks, beyond a list's four, for its object and one count per tab.
INVENTORY: dict[str, tuple[int, Fill]] = {
    "carriers:carrier_list": (4, fill_carriers),
    "carriers:carrier_accounts": (9, fill_addresses),
    "carriers:carrier_dids": (10, fill_carrier_dids),  # The choice of rental plans among its filters
    "carriers:carrier_ledger": (9, fill_carrier_ledger),
    "accounts:client_list": (4, fill_clients),
    "accounts:client_accounts": (9, fill_client_accounts),
    "accounts:account_list": (5, fill_accounts),
    "accounts:account_aliases": (9, fill_account_aliases),
    "accounts:account_dids": (9, fill_account_dids),
    "accounts:account_ledger": (9, fill_account_ledger),
    "accounts:alias_list": (4, fill_aliases),
    "accounts:alias_dids": (9, fill_alias_dids),
    "accounts:registration_list": (4, fill_registrations),
    # The choices of carriers and rental plans in its filters.
    "dids:did_list": (6, fill_dids),
    "rental_plans:rentalplan_list": (4, fill_plans),
    # Their sum, and what is owed.
    "accounts:account_rentals": (12, fill_account_rentals),
    "carriers:carrier_rentals": (12, fill_carrier_rentals),
    # The rental plans on offer, and the default ones.
    "dids:accountdid_add": (13, fill_available),
    "billing:product_list": (4, fill_products),
    "billing:product_detail": (9, fill_mappings),
    "billing:ratetable_list": (4, fill_rate_tables),
    "billing:ratetable_detail": (9, fill_rates),
}
