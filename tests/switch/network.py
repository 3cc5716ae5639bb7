"""The providers, clients, numbers and phones of the switch's tests, made by the services that the pages call.

Made once per run and never changed, so that every test finds it in force; each test takes lines of its own, so that
no contact of one test's phone rings in another's.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Max

from accounts.choices import AccountState
from accounts.models import Account, Alias
from accounts.services import create_account, create_alias, create_client, set_account_state
from billing.models import Product
from billing.selectors import free_inbound_product
from billing.services import record_payment
from carriers.choices import NumberSource
from carriers.models import Carrier, CarrierAccount
from carriers.networks import read_network
from carriers.services import create_carrier, save_carrier_account
from core.choices import Role
from core.models import Heartbeat, User
from core.preview import digest_of
from dids.bulk import add_dids, plan_list
from dids.models import DID
from dids.services import map_dids
from routing.models import ConfigVersion
from tests.stack import eventually

ACME, ACME_SUBNET, ACME_LIMITED = "127.11.1.10", "127.11.2.0/26", "127.11.1.20"
ACME_IPV6 = "::1"
ACME_NATIONAL, ACME_TO, ACME_CALLED_PARTY = "127.11.1.30", "127.11.1.31", "127.11.1.32"
NO_FLAG, NO_CREDIT, OTHER, SHARED = "127.11.3.10", "127.11.4.10", "127.11.5.10", "127.11.6.10"
LINES = 300
# Ofcom sets 029 2018 0xxx aside for fiction; the guide's test, in the same product, uses 020 7946 0xxx.
FIRST_NUMBER = 442920180000
_paid_numbers = itertools.count(FIRST_NUMBER + 900)


@dataclass(frozen=True)
class Line:
    """A number and the phone it rings."""

    number: str
    user: str
    secret: str
    did: DID


@dataclass
class Network:
    """What the tests call and are called through."""

    actor: User
    acme: Carrier
    other: Carrier
    account: Account
    lines: Iterator[Line]
    unmapped: str = ""
    of_other: str = ""
    special: dict[str, Line] = field(default_factory=dict)

    def line(self) -> Line:
        """Return a line that no other test uses."""
        return next(self.lines)


def build() -> Network:
    """Create everything and return when every decider judges by it."""
    actor = User.objects.create_user("sip-tester", role=Role.OPERATOR)
    acme = _provider(actor, "Acme SIP", [(ACME, {}), (ACME_SUBNET, {}), (ACME_LIMITED, {"call_limit": 1})])
    _address(actor, acme, SHARED, tech_prefix="77")
    _address(actor, acme, ACME_NATIONAL, default_region="GB")
    _address(actor, acme, ACME_TO, number_source=NumberSource.TO)
    _address(actor, acme, ACME_CALLED_PARTY, number_source=NumberSource.P_CALLED_PARTY_ID)
    _address(actor, acme, ACME_IPV6)
    other = _provider(actor, "Other SIP", [(OTHER, {})])
    _address(actor, other, SHARED, tech_prefix="88")
    _provider(actor, "No Flag SIP", [(NO_FLAG, {})], is_did_provider=False)
    _provider(actor, "No Credit SIP", [(NO_CREDIT, {})], credit="0")

    client = create_client(actor=actor, name="SIP test client")
    numbers = (str(number) for number in itertools.count(FIRST_NUMBER))
    account = create_account(actor=actor, client=client, name="SIP tests", currency="USD")
    lines = _lines(actor, acme, account, numbers, LINES)
    network = Network(actor, acme, other, account, iter(lines))

    network.unmapped = _number(actor, acme, next(numbers)).number
    network.of_other = _mapped(actor, other, account, "sip-other", next(numbers)).number
    for name, values in {
        "suspended": {},
        "account_limit": {"call_limit": 1},
        "short": {"max_call_seconds": 2},
    }.items():
        own = create_account(actor=actor, client=client, name=f"SIP {name}", currency="USD", **values)
        network.special[name] = _mapped(actor, acme, own, f"sip-{name.replace('_', '-')}", next(numbers))
        if name == "suspended":
            set_account_state(actor=actor, account=own, state=AccountState.SUSPENDED)
    network.special["did_limit"] = limited = _mapped(actor, acme, account, "sip-did-limit", next(numbers))
    DID.objects.filter(pk=limited.did.pk).update(call_limit=1)
    network.special["shared_acme"] = _mapped(actor, acme, account, "sip-shared-acme", next(numbers))
    network.special["shared_other"] = _mapped(actor, other, account, "sip-shared-other", next(numbers))
    wait_in_force()
    return network


def wait_in_force() -> None:
    """Return when every decider follows the newest configuration; their heartbeats say which they have."""
    newest = ConfigVersion.objects.aggregate(newest=Max("id"))["newest"] or 0

    def followed() -> bool:
        versions = list(Heartbeat.objects.filter(kind="decider").values_list("config_version", flat=True))
        return bool(versions) and all(version is not None and version >= newest for version in versions)

    eventually(followed, what=f"every decider has version {newest}")


def _provider(
    actor: User, name: str, addresses: list[tuple[str, dict[str, Any]]], *, credit: str = "10", **values: Any
) -> Carrier:
    carrier = create_carrier(actor=actor, name=name, currency="USD", **{"is_did_provider": True, **values})
    if Decimal(credit):
        record_payment(actor=actor, balance=carrier.balance, amount=Decimal(credit), idempotency_key=f"sip:{name}")
    for network, more in addresses:
        _address(actor, carrier, network, **more)
    return carrier


def _address(actor: User, carrier: Carrier, network: str, **values: Any) -> CarrierAccount:
    parsed = read_network(network, subnet="/" in network)
    entry = CarrierAccount(carrier=carrier, network=parsed, product=free_inbound_product(), **values)
    return save_carrier_account(actor=actor, account=entry)


def _number(actor: User, carrier: Carrier, *numbers: str) -> DID:
    plan = plan_list(carrier=carrier, text="\n".join(numbers))
    return add_dids(actor=actor, carrier=carrier, plan=plan, previewed=digest_of(plan))[0]


def _mapped(actor: User, carrier: Carrier, account: Account, user: str, number: str) -> Line:
    alias, secret = create_alias(actor=actor, account=account, username=user)
    did = _number(actor, carrier, number)
    map_dids(actor=actor, did_ids=[did.pk], alias=alias, account=account)
    return Line(number, user, secret, did)


def _lines(actor: User, carrier: Carrier, account: Account, numbers: Iterator[str], count: int) -> list[Line]:
    wanted = list(itertools.islice(numbers, count))
    plan = plan_list(carrier=carrier, text="\n".join(wanted))
    dids = {did.number: did for did in add_dids(actor=actor, carrier=carrier, plan=plan, previewed=digest_of(plan))}
    lines = []
    for index, number in enumerate(wanted):
        alias, secret = create_alias(actor=actor, account=account, username=f"sip-line-{index}")
        map_dids(actor=actor, did_ids=[dids[number].pk], alias=alias, account=account)
        lines.append(Line(number, alias.username, secret, dids[number]))
    return lines


def paid_line(network: Network, product: Product, **values: Any) -> tuple[Account, Line]:
    """Create an account that pays by a product for what its phone receives, and return both once that is in force."""
    number = next(_paid_numbers)
    name = f"SIP prepaid {number}"
    client = create_client(actor=network.actor, name=name)
    account = create_account(actor=network.actor, client=client, name=name, currency="USD", product=product, **values)
    line = _mapped(network.actor, network.acme, account, f"sip-{number}", str(number))
    wait_in_force()
    return account, line


def alias_of(line: Line) -> Alias:
    """Return the alias of a line."""
    return Alias.objects.get(username=line.user)
