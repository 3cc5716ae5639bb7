"""SIP over TCP and TLS, and calls that change the transport on their way."""

from collections.abc import Callable

import pytest

from accounts.models import Registration
from tests.switch.conftest import PhoneMaker, Story
from tests.switch.network import Network, alias_of
from tests.switch.phone import Manner
from tests.switch.sipp import Carrier, fragment, hang_up, hung_up_by_other, talking

CarrierAt = Callable[..., Carrier]
CALL = "call"
STREAMS = ("tcp", "tls")


@pytest.mark.parametrize("transport", STREAMS)
def test_a_phone_behind_nat_is_called_over_its_own_connection(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story, transport: str
) -> None:
    """Its Contact is a private address nobody can connect to; INVITE, ACK and re-INVITE come where it registered."""
    line = network.line()
    called = phone(line, transport=transport, contact=f"sip:{line.user}@10.99.0.7:5060;transport={transport}")
    reinvite = [fragment("in_dialog", method="INVITE", cseq=2, extra=""), '<recv response="100" optional="true"/>']
    reinvite += ['<recv response="200"/>', fragment("ack", cseq=2)]
    result = carrier().call([*talking(0.1), *reinvite, *hang_up(3)], line.number)
    assert result, result.errors
    assert [m.method for m in called.messages] == ["INVITE", "ACK", "INVITE", "ACK", "BYE"]
    story.tells(result, "completed", 200, 16, CALL, by="caller")
    shown = Registration.objects.get(alias=alias_of(line))
    assert (shown.transport, shown.received) == (transport, f"{called.host}:{called.port}")


@pytest.mark.parametrize("transport", STREAMS)
def test_such_a_phone_hangs_up(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story, transport: str
) -> None:
    line = network.line()
    phone(line, Manner(hang_up_after=0.2), transport=transport)
    result = carrier().call(talking(0) + hung_up_by_other(5), line.number)
    assert result, result.errors
    story.tells(result, "completed", 200, 16, CALL, by="callee")
