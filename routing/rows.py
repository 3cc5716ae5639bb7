"""The configuration's rows as the evaluation reads them: named tuples, one per table, the version last.

A row is built from plain values (as JSON holds them), whether they come from a table, from a change's body or
from the snapshot on disk. Named tuples because a million of them must fit (bench/decide.py prints how many bytes).
"""

import datetime as dt
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)


class Carrier(NamedTuple):
    """A company we exchange calls with."""

    id: int
    name: str
    enabled: bool
    is_did_provider: bool
    balance_id: int
    version: int


class CarrierAccount(NamedTuple):
    """A network from which a carrier sends calls."""

    id: int
    carrier_id: int
    network: str
    product_id: int
    tech_prefix: str
    number_source: str
    default_region: str
    translation: tuple[tuple[str, str], ...]
    call_limit: int | None
    enabled: bool
    audio: str
    version: int


class Client(NamedTuple):
    """A customer."""

    id: int
    name: str
    version: int


class Account(NamedTuple):
    """What is billed."""

    id: int
    client_id: int
    name: str
    state: str
    balance_id: int
    product_id: int | None
    call_limit: int | None
    max_call_seconds: int | None
    version: int


class Alias(NamedTuple):
    """What a phone registers as."""

    id: int
    account_id: int
    username: str
    enabled: bool
    audio: str
    version: int


class Did(NamedTuple):
    """A number of the inventory; ``number`` as an integer takes half the memory of its digits."""

    id: int
    number: int
    carrier_id: int
    alias_id: int | None
    state: str
    call_limit: int | None
    version: int


class DidPrice(NamedTuple):
    """A DID's own price."""

    id: int
    did_id: int
    currency: str
    rate_minute: Decimal
    rate_call: Decimal
    increment: int
    grace: int
    minimal_duration: int
    free_seconds: int
    version: int


class Product(NamedTuple):
    """What a call costs."""

    id: int
    name: str
    free_seconds: int
    version: int


class ProductMapping(NamedTuple):
    """Which rate table prices a prefix, from ``starts_at`` (µs since the epoch) on."""

    id: int
    product_id: int
    prefix: str
    rate_table_id: int
    starts_at: int
    version: int


class RateTable(NamedTuple):
    """A list of rates in one currency."""

    id: int
    name: str
    currency: str
    version: int


class Rate(NamedTuple):
    """The price of numbers that start with ``code``."""

    id: int
    table_id: int
    code: str
    enabled: bool
    rate_minute: Decimal
    rate_call: Decimal
    increment: int
    grace: int
    minimal_duration: int
    version: int


class TraceRequest(NamedTuple):
    """A wish to record the next call of a DID or an alias; fulfilled once ``fulfilled_at`` is set."""

    id: int
    kind: str
    object_id: int
    fulfilled_at: int | None
    version: int


Row = (
    Carrier
    | CarrierAccount
    | Client
    | Account
    | Alias
    | Did
    | DidPrice
    | Product
    | ProductMapping
    | RateTable
    | Rate
    | TraceRequest
)


def microseconds(value: int | str | None) -> int | None:
    """Return an instant in µs since the epoch, from that or from ISO 8601; None stays None."""
    if isinstance(value, str):
        return (dt.datetime.fromisoformat(value) - EPOCH) // MICROSECOND
    return value


def _rules(value: Any) -> tuple[tuple[str, str], ...]:
    if isinstance(value, str):
        value = json.loads(value)
    return tuple((str(prefix), str(replacement)) for prefix, replacement in value or ())


# How a plain value becomes what the row holds, where it is not kept as it is; equal words are kept once.
CONVERT: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("carrier_account", "translation"): _rules,
    ("carrier_account", "tech_prefix"): sys.intern,
    ("carrier_account", "number_source"): sys.intern,
    ("carrier_account", "default_region"): sys.intern,
    ("carrier_account", "audio"): sys.intern,
    ("alias", "audio"): sys.intern,
    ("account", "state"): sys.intern,
    ("did", "number"): int,
    ("did", "state"): sys.intern,
    ("did_price", "rate_minute"): Decimal,
    ("did_price", "rate_call"): Decimal,
    ("product_mapping", "starts_at"): microseconds,
    ("rate", "rate_minute"): Decimal,
    ("rate", "rate_call"): Decimal,
    ("trace_request", "fulfilled_at"): microseconds,
}

# What a column was before it was made: bodies of older changes lack it.
BEFORE = {
    ("carrier_account", "audio"): "automatic",
    ("alias", "audio"): "automatic",
    ("product", "free_seconds"): 0,
}

# How a column is read from its table as the plain value that a JSON body of the same row would hold.
SELECT = {
    ("carrier_account", "network"): "t.network::text",
    ("carrier_account", "translation"): "t.translation::text",
    ("did", "number"): "t.number::bigint",
    ("product_mapping", "starts_at"): "(extract(epoch from t.starts_at) * 1000000)::bigint",
    ("did_price", "rate_minute"): "t.rate_minute::text",
    ("did_price", "rate_call"): "t.rate_call::text",
    ("rate", "rate_minute"): "t.rate_minute::text",
    ("rate", "rate_call"): "t.rate_call::text",
    ("trace_request", "fulfilled_at"): "(extract(epoch from t.fulfilled_at) * 1000000)::bigint",
}


class Kind:
    """One table of the configuration: its name in changes, its table, its row type."""

    def __init__(self, name: str, table: str, row: type) -> None:
        self.name, self.table, self.row = name, table, row
        self.columns: tuple[str, ...] = row._fields[:-1]  # type: ignore[attr-defined]
        self.selects = tuple(SELECT.get((name, column), f"t.{column}") for column in self.columns)
        self._before = {column: BEFORE[name, column] for column in self.columns if (name, column) in BEFORE}
        # Ids of other rows, which many rows have in common.
        self.shared = tuple(at for at, column in enumerate(self.columns) if column.endswith("_id"))
        self._converters = tuple(
            (index, CONVERT[name, column]) for index, column in enumerate(self.columns) if (name, column) in CONVERT
        )

    def build(self, values: Sequence[Any], version: int) -> Any:
        """Return the row of plain values in the order of ``columns``."""
        values = [*values, version]
        for index, convert in self._converters:
            values[index] = convert(values[index])
        return self.row._make(values)  # type: ignore[attr-defined]

    def build_from_body(self, body: Mapping[str, Any], version: int) -> Any:
        """Return the row of a change's body (``to_jsonb`` of the table's row; numbers parsed as Decimal)."""
        if self._before:
            body = {**self._before, **body}
        return self.build([body[column] for column in self.columns], version)

    def restore(self, values: list[Any], share: Callable[[Any, Any], Any]) -> Any:
        """Return the row of what ``plain`` made; equal ids and versions are kept once, by ``share`` (setdefault)."""
        for index in self.shared:
            values[index] = share(values[index], values[index])
        values[-1] = share(values[-1], values[-1])
        for index, convert in self._converters:
            values[index] = convert(values[index])
        return self.row._make(values)  # type: ignore[attr-defined]

    def plain(self, row: Any) -> list[Any]:
        """Return the row as JSON values: the columns, then the version."""
        return [str(value) if isinstance(value, Decimal) else value for value in row]


KINDS = {
    kind.name: kind
    for kind in (
        Kind("carrier", "carriers_carrier", Carrier),
        Kind("carrier_account", "carriers_carrieraccount", CarrierAccount),
        Kind("client", "accounts_client", Client),
        Kind("account", "accounts_account", Account),
        Kind("alias", "accounts_alias", Alias),
        Kind("did", "dids_did", Did),
        Kind("did_price", "dids_didprice", DidPrice),
        Kind("product", "billing_product", Product),
        Kind("product_mapping", "billing_productmapping", ProductMapping),
        Kind("rate_table", "billing_ratetable", RateTable),
        Kind("rate", "billing_rate", Rate),
        Kind("trace_request", "routing_tracerequest", TraceRequest),
    )
}
