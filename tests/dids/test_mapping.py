"""Mapping is all or nothing: of two operators who take the same DID, one succeeds and the other is told by name."""

import pytest
from django.core.exceptions import ValidationError

from accounts.models import Account, Alias
from core.models import User
from dids.choices import DIDState
from dids.models import DID
from dids.selectors import available_dids, dids_of_account, sip_target
from dids.services import (
    delete_dids,
    map_dids,
    move_dids,
    resume_dids,
    retire_dids,
    suspend_dids,
    unmap_dids,
    update_did,
)
from tests.inventory import a_carrier, a_user, an_account, an_alias, at_the_same_moment, some_dids

db = pytest.mark.django_db
racing = pytest.mark.django_db(transaction=True)


class World:
    """An operator, two accounts with an alias each, and three available DIDs."""

    def __init__(self) -> None:
        self.actor: User = a_user()
        self.account: Account = an_account(self.actor)
        self.alias: Alias = an_alias(self.actor, self.account)
        self.other_account = an_account(self.actor, "Workshop", "Cogs Ltd")
        self.other_alias = an_alias(self.actor, self.other_account, "bench-1")
        self.dids = some_dids(self.actor, a_carrier(self.actor), "+44 20 7946 0018 - 20")
        self.ids = [did.pk for did in self.dids]

    def map(self, *indexes: int, alias: Alias | None = None) -> list[DID]:
        alias = alias or self.alias
        ids = [self.ids[index] for index in indexes]
        return map_dids(actor=self.actor, did_ids=ids, alias=alias, account=alias.account)

    def states(self) -> list[tuple[str, str]]:
        """Return (state, alias) of each DID as the database has it."""
        dids = DID.objects.order_by("number").select_related("alias")
        return [(did.state, did.alias.username if did.alias else "") for did in dids]


@pytest.fixture
def world() -> World:
    return World()


@db
def test_available_dids_are_mapped_and_leave_the_list_of_available_ones(world: World) -> None:
    before = world.dids[0].state_since
    mapped = world.map(0, 2)
    assert world.states() == [("mapped", "desk-101"), ("available", ""), ("mapped", "desk-101")]
    assert mapped[0].state_since > before
    assert [did.pk for did in available_dids()] == [world.ids[1]]
    assert list(dids_of_account(world.account)) == mapped


@db
def test_one_did_that_is_not_available_keeps_all_from_being_mapped_and_is_named(world: World) -> None:
    world.map(1, alias=world.other_alias)
    with pytest.raises(ValidationError) as caught:
        world.map(0, 1)
    assert caught.value.messages == [
        "Nothing was mapped: +44 20 7946 0019 is mapped to bench-1 of Cogs Ltd › Workshop."
    ]
    assert world.states() == [("available", ""), ("mapped", "bench-1"), ("available", "")]


@db
def test_an_alias_of_another_account_is_refused(world: World) -> None:
    for change in (map_dids, move_dids):
        with pytest.raises(ValidationError, match="no alias of"):
            change(actor=world.actor, did_ids=world.ids, alias=world.other_alias, account=world.account)


@db
def test_an_empty_choice_or_a_did_that_is_gone_is_refused(world: World) -> None:
    with pytest.raises(ValidationError, match="at least one"):
        world.map()
    with pytest.raises(ValidationError, match="1 of the chosen DIDs no longer exist"):
        map_dids(actor=world.actor, did_ids=[*world.ids, 0], alias=world.alias, account=world.account)
    assert world.states() == [("available", "")] * 3


@db
@pytest.mark.parametrize(("quarantine", "state"), [(False, "available"), (True, "quarantine")])
def test_an_unmapped_did_is_available_or_rests_in_quarantine(world: World, quarantine: bool, state: str) -> None:
    world.map(0)
    with pytest.raises(ValidationError, match="Nothing was unmapped"):
        unmap_dids(actor=world.actor, did_ids=world.ids[:2], account=world.account)
    with pytest.raises(ValidationError, match="Nothing was unmapped"):
        unmap_dids(actor=world.actor, did_ids=world.ids[:1], account=world.other_account)
    unmap_dids(actor=world.actor, did_ids=world.ids[:1], account=world.account, quarantine=quarantine)
    assert world.states()[0] == (state, "")


@db
def test_a_did_moves_to_another_alias_of_its_account_and_keeps_its_state(world: World) -> None:
    second = an_alias(world.actor, world.account, "desk-102")
    since = world.map(0, 1)[0].state_since
    suspend_dids(actor=world.actor, did_ids=[world.ids[1]])
    move_dids(actor=world.actor, did_ids=world.ids[:2], alias=second, account=world.account)
    assert world.states()[:2] == [("mapped", "desk-102"), ("suspended", "desk-102")]
    assert DID.objects.get(pk=world.ids[0]).state_since == since
    with pytest.raises(ValidationError, match=r"Nothing was moved: .*0020 is available"):
        move_dids(actor=world.actor, did_ids=world.ids, alias=second, account=world.account)


@db
def test_a_suspended_did_keeps_its_alias_and_rings_it_again(world: World) -> None:
    world.map(0)
    suspend_dids(actor=world.actor, did_ids=world.ids[:2])
    assert world.states()[:2] == [("suspended", "desk-101"), ("suspended", "")]
    with pytest.raises(ValidationError, match="Nothing was suspended"):
        suspend_dids(actor=world.actor, did_ids=world.ids)
    resume_dids(actor=world.actor, did_ids=world.ids[:2])
    assert world.states()[:2] == [("mapped", "desk-101"), ("available", "")]


@db
def test_a_mapped_did_is_neither_retired_nor_deleted(world: World) -> None:
    world.map(0)
    suspend_dids(actor=world.actor, did_ids=world.ids[:1])
    for change, what in ((retire_dids, "retired"), (delete_dids, "deleted")):
        with pytest.raises(ValidationError, match=f"Nothing was {what}"):
            change(actor=world.actor, did_ids=world.ids)
    retire_dids(actor=world.actor, did_ids=world.ids[1:2])
    assert delete_dids(actor=world.actor, did_ids=world.ids[1:]) == 2
    assert [did.pk for did in DID.objects.all()] == world.ids[:1]


@db
def test_every_holder_stays_in_the_history(world: World) -> None:
    world.map(0)
    unmap_dids(actor=world.actor, did_ids=world.ids[:1])
    world.map(0, alias=world.other_alias)
    events = world.dids[0].events.order_by("pgh_id")
    assert [(event.state, event.alias_id) for event in events] == [
        ("available", None), ("mapped", world.alias.pk), ("available", None), ("mapped", world.other_alias.pk),
    ]  # fmt: skip
    assert {event.pgh_context.metadata["user"] for event in events} == {world.actor.pk}


@db
def test_notes_and_limit_change_without_touching_the_state(world: World) -> None:
    did = update_did(actor=world.actor, did=world.dids[0], call_limit=2, notes="fax")
    assert (did.call_limit, did.notes, did.state) == (2, "fax", DIDState.AVAILABLE)
    with pytest.raises(ValidationError):
        update_did(actor=world.actor, did=did, call_limit=-1)


@db
def test_the_providers_target_is_the_guides_map_format(world: World) -> None:
    assert sip_target(world.dids[0], "192.0.2.1") == "sip:442079460018@192.0.2.1"
    assert sip_target(world.dids[0], "2001:db8::1") == "sip:442079460018@[2001:db8::1]"
    assert sip_target(world.dids[0], "192.0.2.1", 5080) == "sip:442079460018@192.0.2.1:5080"


@racing
def test_two_operators_who_take_the_same_did_at_the_same_moment_get_it_once() -> None:
    world = World()
    for _ in range(5):
        results = at_the_same_moment(
            lambda: world.map(0, 1), lambda: world.map(2, 1, alias=Alias.objects.get(username="bench-1"))
        )
        winners = [result for result in results if isinstance(result, list)]
        losers = [result for result in results if isinstance(result, ValidationError)]
        assert (len(winners), len(losers)) == (1, 1), results
        holder = winners[0][0].alias
        assert f"+44 20 7946 0019 is mapped to {holder} of {holder.account.client} › {holder.account}" in str(losers[0])
        states = world.states()
        assert states[1] == ("mapped", holder.username)
        assert states.count(("available", "")) == 1, "the loser's other DID was left alone"
        unmap_dids(actor=world.actor, did_ids=[did.pk for did in winners[0]])


@racing
def test_overlapping_choices_in_opposite_order_do_not_deadlock() -> None:
    world = World()
    for _ in range(5):
        results = at_the_same_moment(lambda: world.map(0, 1, 2), lambda: world.map(2, 1, 0), lambda: world.map(1, 2))
        assert sum(isinstance(result, list) for result in results) == 1, results
        assert sum(isinstance(result, ValidationError) for result in results) == 2, results
        unmap_dids(actor=world.actor, did_ids=[d.pk for d in DID.objects.filter(alias__isnull=False)])
