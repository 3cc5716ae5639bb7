"""The kinds of rows that log entries speak of, given to System Log, which knows none of them."""

from collections.abc import Callable, Iterable
from typing import Any

from accounts.models import Account, Alias, Client
from carriers.models import Carrier, CarrierAccount
from core.models import User
from dids.models import DID
from systemlog.references import MOST_FOUND, register_kind


def _finder(model: Any, lookup: str) -> Callable[[str], Iterable[int]]:
    return lambda text: model.objects.filter(**{lookup: text}).order_by().values_list("pk", flat=True)[:MOST_FOUND]


def _no_rows(text: str) -> Iterable[int]:
    return ()


def register_kinds() -> None:
    """Let log entries link to these pages and be filtered by these names."""
    register_kind("carrier", "Carrier", "carriers:carrier_detail", _finder(Carrier, "name__icontains"))
    register_kind("did", "DID", "dids:did_detail", _finder(DID, "number__startswith"))
    register_kind("client", "Client", "accounts:client_detail", _finder(Client, "name__icontains"))
    register_kind("account", "Account", "accounts:account_detail", _finder(Account, "name__icontains"))
    register_kind("alias", "Alias", "accounts:alias_detail", _finder(Alias, "username__icontains"))
    register_kind("carrier_account", "Address", "carriers:carrieraccount_detail", _finder(CarrierAccount, "network"))
    register_kind("user", "User", "core:user_detail", _finder(User, "username__icontains"))
    register_kind("product", "Product", "billing:product_detail", _no_rows)
    register_kind("rate_table", "Rate table", "billing:ratetable_detail", _no_rows)
    register_kind("rental_plan", "Rental plan", "rental_plans:rentalplan_detail", _no_rows)
