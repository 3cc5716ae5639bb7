"""Configurations in memory for tests, made by hand or by hypothesis, and the attempts that meet them."""

import json
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from routing.decision import Facts, InboundAttempt
from routing.rows import (
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
from routing.snapshot import Policy, Snapshot

AT = 1_763_884_800_123_456
KIND_OF = {
    Carrier: "carrier",
    CarrierAccount: "carrier_account",
    Client: "client",
    Account: "account",
    Alias: "alias",
    Did: "did",
    DidPrice: "did_price",
    Product: "product",
    ProductMapping: "product_mapping",
    RateTable: "rate_table",
    Rate: "rate",
    TraceRequest: "trace_request",
}
ZERO = Decimal("0.000000")

CARRIER = Carrier(1, "Acme", True, True, 11, 5)
ADDRESS = CarrierAccount(1, 1, "203.0.113.0/26", 1, "", "request_uri", "", (), None, True, "automatic", 5)
CLIENT = Client(1, "Bloom Ltd", 5)
ACCOUNT = Account(1, 1, "Main office", "active", 12, None, None, None, 5)
ALIAS = Alias(1, 1, "desk-101", True, "automatic", 5)
DID = Did(1, 442079460018, 1, 1, "mapped", None, 5)
FREE = (
    Product(1, "free inbound", 0, 1),
    ProductMapping(1, 1, "", 1, 0, 1),
    RateTable(1, "free", "USD", 1),
    Rate(1, 1, "", True, ZERO, ZERO, 1, 0, 0, 1),
)
PAID = (
    Product(2, "paid", 0, 1),
    ProductMapping(2, 2, "44", 2, 0, 1),
    RateTable(2, "paid", "USD", 1),
    Rate(2, 2, "4420", True, Decimal("0.060000"), ZERO, 1, 0, 0, 1),
    Rate(3, 2, "4477", False, Decimal("0.060000"), ZERO, 1, 0, 0, 1),
)


def config_of(*rows: Any, policy: Policy | None = None, version: int = 7) -> Snapshot:
    """Return a snapshot of these rows; later rows replace earlier ones of the same kind and id."""
    config = Snapshot(policy)
    for row in rows:
        config.put(KIND_OF[type(row)], row.id, row)
    config.version = version
    return config


def usual(*rows: Any, **kwargs: Any) -> Snapshot:
    """Return the usual configuration, in which a call from 203.0.113.5 to +442079460018 rings desk-101."""
    return config_of(*FREE, *PAID, CARRIER, ADDRESS, CLIENT, ACCOUNT, ALIAS, DID, *rows, **kwargs)


def call(**parts: Any) -> InboundAttempt:
    """Return an attempt from the usual address to the usual number."""
    usual_parts: dict[str, Any] = {"source": "203.0.113.5", "ruri": "sip:+442079460018@192.0.2.1"}
    return InboundAttempt("6a1f", AT, **(usual_parts | parts))


def facts(**known: Any) -> Facts:
    """Return facts with credit for the usual carrier."""
    return Facts(**({"credit": {11: True, 12: True}} | known))


# Few values each, so that random configurations and attempts meet.
small = st.integers(1, 3)
limits = st.none() | st.integers(0, 3)
numbers = st.sampled_from([442079460018, 442079460019, 447700900123, 12125551234])
networks = st.sampled_from(
    ["203.0.113.5/32", "203.0.113.0/26", "203.0.113.0/24", "198.51.100.0/24", "2001:db8::/64", "2001:db8::5/128"]
)
prices = st.sampled_from([ZERO, Decimal("0.060000"), Decimal("-0.010000")])
audio = st.sampled_from(["automatic", "automatic", "always", "never"])
mostly = st.sampled_from([True, True, True, False])
_by_id = [
    st.builds(Carrier, small, st.sampled_from(["Acme {0}", "Bel % co", "Ünï"]), mostly, mostly, small, small),
    st.builds(
        CarrierAccount, small, small, networks, small, st.sampled_from(["", "", "", "1001", "10"]),
        st.sampled_from(["request_uri", "request_uri", "to", "p_called_party_id"]),
        st.sampled_from(["", "", "GB", "US"]), st.sampled_from([(), (), (("0", "44"),), (("44", "44"),)]),
        limits, mostly, audio, small,
    ),
    st.builds(Client, small, st.just("Bloom Ltd"), small),
    st.builds(
        Account, small, small, st.just("Main"), st.sampled_from(["active", "active", "active", "suspended"]), small,
        st.none() | small, limits, st.none() | st.integers(1, 100), small,
    ),
    st.builds(Alias, small, small, st.sampled_from(["desk-101", "desk-102"]), mostly, audio, small),
    st.builds(
        Did, small, numbers, small, st.none() | small,
        st.sampled_from(["mapped", "mapped", "mapped", "available", "suspended", "quarantine", "retired"]),
        limits, small,
    ),
    st.builds(
        DidPrice, small, small, st.sampled_from(["USD", "EUR"]), prices, prices, st.sampled_from([1, 60]), st.just(0),
        st.sampled_from([0, 30]), st.sampled_from([0, 600]), small,
    ),
    st.builds(Product, small, st.just("product"), st.sampled_from([0, 0, 600]), small),
    st.builds(ProductMapping, small, small, st.sampled_from(["", "", "44", "4420"]), small,
              st.sampled_from([0, AT, AT + 1]), small),
    st.builds(RateTable, small, st.just("table"), st.sampled_from(["USD", "EUR"]), small),
    st.builds(
        Rate, small, small, st.sampled_from(["", "", "44", "4420", "1"]), mostly, prices, prices,
        st.sampled_from([1, 60]), st.just(0), st.sampled_from([0, 30]), small,
    ),
    st.builds(
        TraceRequest, small, st.sampled_from(["did", "alias"]), small,
        st.none() | st.just(AT), small,
    ),
]  # fmt: skip
rows = st.one_of(_by_id)
configs = st.lists(rows, max_size=25).map(lambda made: usual(*made)) | st.lists(rows, max_size=40).map(
    lambda made: config_of(*made)
)
uris = st.one_of(
    st.builds(
        "sip:{}{}@192.0.2.1{}".format,
        st.sampled_from(["+", "00", "", "1001", "+1001", "10", "0", "%zz", "x"]),
        st.sampled_from(["442079460018", "442079460019", "2079460018", "447700900123", "12125551234", ""]),
        st.sampled_from(["", ";user=phone"]),
    ),
    st.text(max_size=30),
)
attempts = st.builds(
    InboundAttempt,
    st.uuids().map(str),
    st.sampled_from([AT - 1, AT, AT + 1]),
    st.sampled_from(
        ["203.0.113.5", "203.0.113.70", "::ffff:203.0.113.5", "198.51.100.9", "2001:db8::5", "192.0.2.9", "x"]
    ),
    ruri=uris,
    to_uri=uris,
    p_called_party_id=uris.map(lambda uri: f'"DID" <{uri}>;x=1') | st.just(""),
    switch=st.just("sw1"),
)
some_facts = st.builds(
    Facts,
    credit=st.dictionaries(small, mostly),
    funds=st.dictionaries(st.sampled_from(["carrier", "account"]), st.sampled_from([True, True, False, None])),
    live=st.dictionaries(st.sampled_from(["carrier_account", "did", "account"]), st.integers(-1, 4)),
    registered=st.sampled_from([True, False, None]),
)


def as_call(attempt: InboundAttempt) -> dict[str, Any]:
    """Return an attempt as the ``call`` object that the switch sends, through JSON text."""
    seconds, rest = divmod(attempt.at, 1_000_000)
    call = {
        "attempt": attempt.attempt_id,
        "at": f"{seconds}.{rest:06d}",
        "source": attempt.source,
        "port": attempt.port,
        "ruri": attempt.ruri,
        "to_uri": attempt.to_uri,
        "p_called_party_id": attempt.p_called_party_id,
    }
    return json.loads(json.dumps(call))
