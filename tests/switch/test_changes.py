"""A change in the portal is in force for the next call, without reload or restart; bench/decide measures how soon."""

import time
from collections.abc import Callable

from accounts.choices import AccountState
from accounts.services import create_account, create_alias, create_client, regenerate_secret, set_account_state
from carriers.services import update_carrier
from dids.services import map_dids, unmap_dids
from tests.stack import eventually
from tests.switch import network as net
from tests.switch.conftest import PhoneMaker, Story
from tests.switch.network import Line, Network, wait_in_force
from tests.switch.sipp import Carrier, hang_up, refused, talking

CarrierAt = Callable[..., Carrier]


def test_changes_are_in_force_for_the_next_call(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """Mapped, unmapped, suspended, resumed, carrier's flag taken: each decides the next call."""
    actor, spare = network.actor, network.line()
    client = create_client(actor=actor, name="Changing client")
    account = create_account(actor=actor, client=client, name="Changing", currency="USD")
    alias, secret = create_alias(actor=actor, account=account, username="sip-changing")
    unmap_dids(actor=actor, did_ids=[spare.did.pk])
    line = Line(spare.number, alias.username, secret, spare.did)
    phone(line)

    def refused_for(reason: str, sip: int, q850: int, category: str, source: str = net.ACME) -> None:
        wait_in_force()
        result = carrier(source).call(refused(sip), line.number)
        assert result, result.errors
        story.tells(result, reason, sip, q850, category)

    def rings() -> None:
        wait_in_force()
        result = carrier().call(talking(0.1) + hang_up(), line.number)
        assert result, result.errors
        story.tells(result, "completed", 200, 16, "call")

    refused_for("did_not_mapped", 404, 1, "routing reject")
    map_dids(actor=actor, did_ids=[line.did.pk], alias=alias, account=account)
    rings()
    set_account_state(actor=actor, account=account, state=AccountState.SUSPENDED)
    refused_for("account_suspended", 404, 1, "routing reject")
    set_account_state(actor=actor, account=account, state=AccountState.ACTIVE)
    rings()
    update_carrier(actor=actor, carrier=network.other, is_did_provider=False)
    try:
        refused_for("carrier_not_did_provider", 403, 21, "call reject", source=net.OTHER)
    finally:
        update_carrier(actor=actor, carrier=network.other, is_did_provider=True)
    refused_for("did_of_other_carrier", 404, 1, "routing reject", source=net.OTHER)


def test_a_new_phone_registers_at_once(network: Network, phone: PhoneMaker) -> None:
    """An alias just created can register; with a new secret the old one is void."""
    alias, secret = create_alias(actor=network.actor, account=network.account, username=f"sip-new-{time.time_ns()}")
    spare = network.line()
    made = phone(Line(spare.number, alias.username, secret, spare.did), register=False)
    eventually(lambda: made.register() == 200, what="the new phone is registered")
    fresh = regenerate_secret(actor=network.actor, alias=alias)
    eventually(lambda: made.register(secret=fresh) == 200, what="the new secret is good")
    assert made.register(secret=secret) == 401
    made.secret = fresh
