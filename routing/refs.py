"""Name rows of the configuration as decisions refer to them: kind, id, label and version."""

from typing import Any

from routing.decision import Ref
from routing.rows import Account, Alias, Carrier, CarrierAccount, Did


def carrier_ref(row: Carrier) -> Ref:
    """Name a carrier."""
    return Ref("carrier", row.id, row.name, row.version)


def account_ref(row: CarrierAccount) -> Ref:
    """Name a carrier account by its network."""
    return Ref("carrier_account", row.id, row.network, row.version)


def did_ref(row: Did) -> Ref:
    """Name a DID by its number."""
    return Ref("did", row.id, f"+{row.number}", row.version)


def alias_ref(row: Alias) -> Ref:
    """Name an alias by its SIP user name."""
    return Ref("alias", row.id, row.username, row.version)


def billed_ref(row: Account) -> Ref:
    """Name an account."""
    return Ref("account", row.id, row.name, row.version)


_NAMED: dict[type, Any] = {
    Carrier: carrier_ref,
    CarrierAccount: account_ref,
    Did: did_ref,
    Alias: alias_ref,
    Account: billed_ref,
}


def ref_of(row: Any) -> Ref | None:
    """Name a row of any of these kinds; a name that was made already, and nothing, stay as they are."""
    name = _NAMED.get(type(row))
    return name(row) if name else row
