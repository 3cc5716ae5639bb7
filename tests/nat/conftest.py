"""The product on a public network with NAT routers, and what its portal says of each call."""

from collections.abc import Callable, Iterator

import pytest

from billing.selectors import free_inbound_product
from carriers.models import CarrierAccount
from carriers.networks import read_network
from carriers.services import save_carrier_account
from tests.nat.audio import AudioCaller, AudioPhone
from tests.nat.lab import PublicNetwork, Router
from tests.stack import Stack, eventually
from tests.switch.conftest import network as network
from tests.switch.conftest import story as story
from tests.switch.network import Line, Network, wait_in_force

GATEWAYS: dict[str, str] = {}


@pytest.fixture
def public(stack: Stack) -> PublicNetwork:
    """The network that the switch is on."""
    if stack.public is None:
        pytest.skip(stack.why_no_public)
    return stack.public


@pytest.fixture
def switch(stack: Stack, public: PublicNetwork) -> tuple[str, int]:
    """The switch's address there."""
    return (public.switch, stack.sip_port)


@pytest.fixture
def gateway(stack: Stack, public: PublicNetwork, network: Network) -> str:
    """The public address of a provider, listed once per run."""
    if stack.database_url not in GATEWAYS:
        address = public.address()
        for text in (address, public.v6.replace("::1", "::50")):
            entry = CarrierAccount(
                carrier=network.acme, network=read_network(text, subnet=False), product=free_inbound_product()
            )
            save_carrier_account(actor=network.actor, account=entry)
        wait_in_force()
        GATEWAYS[stack.database_url] = address
    return GATEWAYS[stack.database_url]


@pytest.fixture
def caller(switch: tuple[str, int], gateway: str) -> Iterator[AudioCaller]:
    """A provider's gateway that sends and hears audio."""
    made = AudioCaller(switch, gateway)
    yield made
    made.close()


@pytest.fixture
def audio_phone(switch: tuple[str, int]) -> Iterator[Callable[..., AudioPhone]]:
    """Make registered phones with audio, at a public address or behind a router."""
    phones = []

    def make(line: Line, host: str | Router, **options: object) -> AudioPhone:
        phone = AudioPhone(options.pop("server", switch), line.user, line.secret, host, **options)
        phones.append(phone)
        eventually(lambda: phone.register(wait=3) == 200, what=f"{line.user} is registered")
        return phone

    yield make
    for phone in phones:
        phone.register(0, wait=0.5)
        phone.close()
