"""A snapshot follows the database forwards and backwards, and survives on disk."""

import contextlib
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Account, Alias
from billing.models import Balance, Product, ProductMapping, Rate, RateTable
from carriers.models import Carrier, CarrierAccount
from dids.models import DID
from routing import disk
from routing.loader import VersionUnknown, changes_between, load_credit, read_snapshot
from routing.models import ConfigVersion, TraceRequest
from routing.rows import KINDS
from routing.snapshot import Change, Policy, Snapshot
from routing.store import SnapshotStore
from tests.inventory import a_carrier, a_product, a_user, an_account, an_address, an_alias, some_dids
from tests.routing.configs import KIND_OF, configs, rows, usual

committed = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def inventory() -> dict[str, Any]:
    """A small operator, committed."""
    actor = a_user()
    carrier, other = a_carrier(actor, "Acme"), a_carrier(actor, "Bel")
    account = an_account(actor)
    return {
        "actor": actor,
        "carriers": [carrier, other],
        "addresses": [an_address(actor, carrier, "203.0.113.0/26"), an_address(actor, other, "2001:db8::/64", "1001#")],
        "account": account,
        "aliases": [an_alias(actor, account), an_alias(actor, account, "desk-102")],
        "dids": some_dids(actor, carrier, "+44 20 7946 0018\n+44 20 7946 0019\n+44 20 7946 0020"),
        "product": a_product("USD", "0.06"),
    }


def loaded() -> Snapshot:
    return read_snapshot(connection, Policy())


def seek(config: Snapshot, version: int) -> None:
    with connection.cursor() as cursor:
        config.apply(changes_between(cursor, config.version, version), version)


def assert_same(config: Snapshot, other: Snapshot) -> None:
    """Compare rows and every index with those of a fresh load."""
    assert config.version == other.version
    assert config.rows == other.rows
    assert config.did_by_number == other.did_by_number
    assert config.traced == other.traced
    for name in ("mappings", "rates"):
        entries = [
            {
                key: {p: _unordered(v) for p, v in table.entries.items()}
                for key, table in getattr(c, name).items()
                if table
            }
            for c in (config, other)
        ]
        assert entries[0] == entries[1]
    for low in range(0, 256, 5):
        address = (4, 0xCB007100 + low)
        assert list(config.networks.holding(address)) == list(other.networks.holding(address))
        assert config.networks.nearest(address) == other.networks.nearest(address)


def _entries(tables: dict[int, Any]) -> dict[int, Any]:
    return {key: {p: _unordered(v) for p, v in table.entries.items()} for key, table in tables.items() if table}


def _unordered(value: Any) -> Any:
    return set(value) if isinstance(value, tuple) and not hasattr(value, "_fields") else value


def edits(inventory: dict[str, Any]) -> Iterator[Callable[[random.Random], Any]]:
    """Yield ways to change the configuration, each one transaction."""
    carriers, dids, aliases = inventory["carriers"], inventory["dids"], inventory["aliases"]

    def swap_numbers(chance: random.Random) -> None:
        one, two = chance.sample(dids, 2)
        one.refresh_from_db(), two.refresh_from_db()
        first, second = one.number, two.number
        for did, number in ((one, "19995550000"), (two, first), (one, second)):
            DID.objects.filter(pk=did.pk).update(number=number)

    yield swap_numbers
    yield lambda chance: Carrier.objects.filter(pk=chance.choice(carriers).pk).update(
        is_did_provider=chance.random() < 0.5, name=f"Acme {chance.random()}"
    )
    yield lambda chance: DID.objects.filter(pk=chance.choice(dids).pk).update(
        state="mapped", alias=chance.choice(aliases), call_limit=chance.choice([None, 0, 3])
    )
    yield lambda chance: CarrierAccount.objects.filter(pk=inventory["addresses"][0].pk).update(
        network=f"203.0.113.{chance.choice([0, 64, 128])}/26", tech_prefix=chance.choice(["", "10", "1001"]),
        translation=chance.choice([[], [["0", "44"]]]),
    )  # fmt: skip
    yield lambda chance: CarrierAccount.objects.create(
        carrier=carriers[0], product=inventory["product"], network=f"203.0.113.{chance.randrange(256)}/32",
        tech_prefix=str(chance.random())[2:12],
    )  # fmt: skip
    yield lambda chance: CarrierAccount.objects.exclude(pk=inventory["addresses"][0].pk).first().delete()  # type: ignore[union-attr]
    yield lambda chance: Account.objects.update(
        state=chance.choice(["active", "suspended"]), call_limit=chance.randrange(9)
    )
    yield lambda chance: Alias.objects.filter(pk=chance.choice(aliases).pk).update(
        enabled=chance.random() < 0.5, ha1_md5=str(chance.random())
    )
    yield lambda chance: Rate.objects.create(
        table=RateTable.objects.last(),
        code=str(chance.randrange(10**9)),
        rate_minute=f"0.{chance.randrange(10**6):06d}",
    )
    yield lambda chance: Rate.objects.exclude(code="").first().delete()  # type: ignore[union-attr]
    yield lambda chance: ProductMapping.objects.create(
        product=inventory["product"], prefix=str(chance.randrange(100)), rate_table=RateTable.objects.last(),
        starts_at=f"20{chance.randrange(10, 60)}-03-29T01:30:00.000001+02:00",
    )  # fmt: skip
    yield lambda chance: TraceRequest.objects.create(
        kind="did", object_id=chance.randrange(10**6), requested_by=inventory["actor"]
    )
    yield lambda chance: TraceRequest.objects.update(fulfilled_at="2026-01-01T00:00Z")
    yield lambda chance: Product.objects.create(name=f"product {chance.random()}", kind="account")


@committed
@pytest.mark.parametrize("seed", range(3))
def test_seeking_back_and_forth_equals_a_fresh_load(inventory: dict[str, Any], seed: int) -> None:
    chance = random.Random(seed)
    ways = list(edits(inventory))
    followed = loaded()
    history = [loaded()]
    for _ in range(40):
        with contextlib.suppress(IntegrityError, AttributeError), transaction.atomic():
            for way in chance.sample(ways, chance.choice([1, 1, 2, 4])):
                way(chance)
        fresh = loaded()
        if fresh.version != history[-1].version:
            history.append(fresh)
        seek(followed, fresh.version)
        assert_same(followed, fresh)
    assert len(history) > 20
    for then in chance.sample(history, len(history)):
        seek(followed, then.version)
        assert_same(followed, then)


@committed
def test_a_version_that_never_was_is_refused(inventory: dict[str, Any]) -> None:
    config = loaded()
    with pytest.raises(VersionUnknown):
        seek(config, config.version + 1)


@committed
def test_the_store_lends_the_newest_or_the_version_asked_for(inventory: dict[str, Any]) -> None:
    store = SnapshotStore()
    with store.at() as config:
        first = config.version
        assert config.carrier(inventory["carriers"][0].pk).name == "Acme"  # type: ignore[union-attr]
    Carrier.objects.filter(name="Acme").update(name="Acme & Sons")
    with store.at() as config:
        assert config.version == ConfigVersion.objects.latest("id").id > first
        assert config.carrier(inventory["carriers"][0].pk).name == "Acme & Sons"  # type: ignore[union-attr]
    with store.at(first) as config:
        assert config.carrier(inventory["carriers"][0].pk).name == "Acme"  # type: ignore[union-attr]


@committed
def test_no_digest_of_a_secret_is_in_a_change_or_a_snapshot(inventory: dict[str, Any]) -> None:
    digest = inventory["aliases"][0].ha1_md5
    assert digest
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM routing_configchange WHERE body::text LIKE %s", [f"%{digest}%"])
        assert cursor.fetchone() == (0,)
    assert digest not in str(loaded().rows["alias"])


@committed
def test_credit_is_above_zero_or_not(inventory: dict[str, Any]) -> None:
    carrier, other = inventory["carriers"]
    Balance.objects.filter(pk=carrier.balance_id).update(amount="-1", credit_limit="1.000001")
    Balance.objects.filter(pk=other.balance_id).update(amount="-1", credit_limit="1")
    with connection.cursor() as cursor:
        assert load_credit(cursor, [carrier.balance_id, other.balance_id]) == {
            carrier.balance_id: True,
            other.balance_id: False,
        }


# Each example is forced to the disk for good, which takes its time.
@hypothesis.settings(max_examples=15)
@given(configs, st.lists(rows, max_size=10), st.dictionaries(st.integers(1, 99), st.booleans()))
def test_the_disk_gives_back_what_it_was_given(
    tmp_path_factory: pytest.TempPathFactory, config: Snapshot, later: list[Any], credit: dict[int, bool]
) -> None:
    path = tmp_path_factory.mktemp("disk") / "decider.snapshot"
    disk.save(path, config.version, config.rows, credit)
    changes = [Change(KIND_OF[type(row)], row.id, row) for row in later] + [Change("did", 1, None)]
    config.apply(changes, config.version + 1)
    disk.append(path, config.version, changes, {5: True})
    back, back_credit = disk.load(path, Policy())
    assert (back.version, back.rows) == (config.version, config.rows)
    assert back_credit == {**credit, 5: True}
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    path, config = tmp_path / "s", usual()
    disk.save(path, 7, config.rows, {})
    disk.append(path, 8, [Change("did", 1, None)], {})
    whole = path.read_text()
    path.write_text(whole[:-10])
    assert_same(disk.load(path, Policy())[0], config)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format":99,"columns":{}}\n'])
def test_what_is_no_snapshot_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s"
    path.write_text(text)
    with pytest.raises(disk.NoSnapshot):
        disk.load(path, Policy())


def test_half_a_snapshot_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s"
    disk.save(path, 7, usual().rows, {})
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))
    with pytest.raises(disk.NoSnapshot):
        disk.load(path, Policy())


@given(rows)
def test_plain_values_build_the_same_row(row: Any) -> None:
    kind = KINDS[KIND_OF[type(row)]]
    values = json.loads(json.dumps(kind.plain(row)))
    assert kind.build(values[:-1], values[-1]) == row


@committed
def test_a_reload_takes_what_has_not_changed_from_the_snapshot_it_replaces(inventory: dict[str, Any]) -> None:
    before = loaded()
    same = read_snapshot(connection, Policy(), before)
    assert_same(same, before)
    assert all(row is before.rows[kind][id_] for kind, rows in same.rows.items() for id_, row in rows.items())
    assert same.networks is before.networks
    CarrierAccount.objects.update(call_limit=7)
    after = read_snapshot(connection, Policy(), same)
    assert_same(after, loaded())
    assert after.networks is not same.networks


@committed
def test_a_replaced_snapshot_can_be_emptied_without_harm_to_the_next(inventory: dict[str, Any]) -> None:
    before = loaded()
    after = read_snapshot(connection, Policy(), before)
    before.empty()
    assert_same(after, loaded())
    assert not any(before.rows.values())
