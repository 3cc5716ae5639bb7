"""The whole configuration in memory, as of one version, with the indexes that the evaluation reads.

Nothing here knows a database: routing.loader fills a snapshot from tables and finds the changes that lead from one
version to another, routing.disk keeps it in a file.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from billing.prefixes import PrefixTable
from routing.networks import NetworkIndex, parse_network
from routing.rows import (
    KINDS,
    Account,
    Alias,
    Carrier,
    CarrierAccount,
    Client,
    Did,
    DidPrice,
    Product,
    ProductMapping,
    Rate,
    RateTable,
    TraceRequest,
)


@dataclass(frozen=True, slots=True)
class Policy:
    """Settings that take part in a decision; every process of one installation reads the same environment."""

    max_call_seconds: int = 14400
    reservation_seconds: int = 60
    not_registered_code: int = 487
    business_time_zone: str = "UTC"


class Change(NamedTuple):
    """One row as it becomes: ``row`` is None where it does not exist any more, or not yet."""

    kind: str
    row_id: int
    row: Any | None


class Snapshot:
    """All rows by kind and id, and what is looked up by something else than an id."""

    __slots__ = ("did_by_number", "did_prices", "mappings", "networks", "policy", "rates", "rows", "traced", "version")

    def __init__(self, policy: Policy | None = None) -> None:
        self.version = 0
        self.policy = policy or Policy()
        self.rows: dict[str, dict[int, Any]] = {name: {} for name in KINDS}
        self.did_by_number: dict[int, Did] = {}
        self.did_prices: dict[int, DidPrice] = {}
        self.networks = NetworkIndex()
        self.mappings: dict[int, PrefixTable[tuple[ProductMapping, ...]]] = {}
        self.rates: dict[int, PrefixTable[Rate]] = {}
        self.traced: dict[tuple[str, int], int] = {}

    def carrier(self, id_: int) -> Carrier | None:
        """Return a carrier."""
        return self.rows["carrier"].get(id_)

    def carrier_account(self, id_: int) -> CarrierAccount:
        """Return a carrier account that the network index named."""
        return self.rows["carrier_account"][id_]

    def client(self, id_: int) -> Client | None:
        """Return a client."""
        return self.rows["client"].get(id_)

    def account(self, id_: int) -> Account | None:
        """Return an account."""
        return self.rows["account"].get(id_)

    def alias(self, id_: int) -> Alias | None:
        """Return an alias."""
        return self.rows["alias"].get(id_)

    def product(self, id_: int) -> Product | None:
        """Return a product."""
        return self.rows["product"].get(id_)

    def rate_table(self, id_: int) -> RateTable | None:
        """Return a rate table."""
        return self.rows["rate_table"].get(id_)

    def apply(self, changes: Iterable[Change], version: int) -> None:
        """Make every change and call the result ``version``; the way back is the same as the way forth."""
        for kind, row_id, row in changes:
            self.put(kind, row_id, row)
        self.version = version

    def put(self, kind: str, row_id: int, row: Any | None) -> None:
        """Store, replace or (None) remove one row with what indexes it."""
        rows = self.rows[kind]
        old = rows.get(row_id)
        index = _INDEXES.get(kind)
        if old is not None and index:
            index.remove(self, old)
        if row is None:
            rows.pop(row_id, None)
        else:
            rows[row_id] = row
            if index:
                index.add(self, row)

    def fill(self, kind: str, rows: Iterable[Any], replaced: "Snapshot | None" = None) -> None:
        """Store the rows of a kind that the snapshot holds none of yet.

        Where they are those of ``replaced``, which nobody may change any more, so is the index of networks.
        """
        stored = self.rows[kind]
        if kind == "carrier_account":
            stored.update((row.id, row) for row in rows)
            if replaced is not None and stored == replaced.rows[kind]:
                self.networks = replaced.networks
                return
            self.networks.extend([(parse_network(r.network), r.id, _rank(r)) for r in stored.values()])
            return
        if kind == "did":
            by_number = self.did_by_number
            for row in rows:
                stored[row.id] = by_number[row.number] = row
            return
        index = _INDEXES.get(kind)
        for row in rows:
            stored[row.id] = row
            if index:
                index.add(self, row)

    def empty(self) -> None:
        """Give the memory back in portions: all at once would hold up every thread. Nobody may read it any more."""
        for rows in (self.did_by_number, *self.rows.values()):
            while rows:
                for _ in range(min(len(rows), 500)):
                    rows.popitem()


def _rank(row: CarrierAccount) -> int:
    # Among accounts of one network the longest tech prefix speaks first.
    return -len(row.tech_prefix)


# Each index guards against the order of changes inside one transaction: two rows may swap a unique value, so that for
# a moment both hold it. A row takes out only what still is its own.


class _Networks:
    @staticmethod
    def add(config: Snapshot, row: CarrierAccount) -> None:
        config.networks.add(parse_network(row.network), row.id, _rank(row))

    @staticmethod
    def remove(config: Snapshot, row: CarrierAccount) -> None:
        config.networks.remove(parse_network(row.network), row.id, _rank(row))


class _Dids:
    @staticmethod
    def add(config: Snapshot, row: Did) -> None:
        config.did_by_number[row.number] = row

    @staticmethod
    def remove(config: Snapshot, row: Did) -> None:
        if config.did_by_number.get(row.number) is row:
            del config.did_by_number[row.number]


class _DidPrices:
    @staticmethod
    def add(config: Snapshot, row: DidPrice) -> None:
        config.did_prices[row.did_id] = row

    @staticmethod
    def remove(config: Snapshot, row: DidPrice) -> None:
        if config.did_prices.get(row.did_id) is row:
            del config.did_prices[row.did_id]


class _Mappings:
    @staticmethod
    def add(config: Snapshot, row: ProductMapping) -> None:
        table = config.mappings.setdefault(row.product_id, PrefixTable())
        table.put(row.prefix, (*(table.get(row.prefix) or ()), row))

    @staticmethod
    def remove(config: Snapshot, row: ProductMapping) -> None:
        table = config.mappings[row.product_id]
        rest = tuple(other for other in table.get(row.prefix) or () if other is not row)
        if rest:
            table.put(row.prefix, rest)
        else:
            table.remove(row.prefix)


class _Rates:
    @staticmethod
    def add(config: Snapshot, row: Rate) -> None:
        config.rates.setdefault(row.table_id, PrefixTable()).put(row.code, row)

    @staticmethod
    def remove(config: Snapshot, row: Rate) -> None:
        table = config.rates[row.table_id]
        if table.get(row.code) is row:
            table.remove(row.code)


class _Traces:
    @staticmethod
    def add(config: Snapshot, row: TraceRequest) -> None:
        if row.fulfilled_at is None:
            config.traced[row.kind, row.object_id] = row.id

    @staticmethod
    def remove(config: Snapshot, row: TraceRequest) -> None:
        if config.traced.get((row.kind, row.object_id)) == row.id:
            del config.traced[row.kind, row.object_id]


_INDEXES: dict[str, Any] = {
    "carrier_account": _Networks,
    "did": _Dids,
    "did_price": _DidPrices,
    "product_mapping": _Mappings,
    "rate": _Rates,
    "trace_request": _Traces,
}
