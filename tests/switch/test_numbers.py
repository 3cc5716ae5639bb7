"""Where a carrier puts the number, and how it writes it: each way reaches the same phone."""

from collections.abc import Callable

import pytest

from tests.switch import network as net
from tests.switch.conftest import PhoneMaker, Story
from tests.switch.network import Network
from tests.switch.sipp import Carrier, hang_up, refused, talking

CarrierAt = Callable[..., Carrier]
CALL = "call"


@pytest.mark.parametrize(
    ("source", "written"),
    [
        (net.ACME, "{number}"),
        (net.ACME, "+{number}"),
        (net.ACME, "00{number}"),
        (net.ACME, "{national};phone-context=+44"),
        (net.ACME_NATIONAL, "0{national}"),
        (net.ACME_NATIONAL, "+{number}"),
    ],
)
def test_the_number_is_read_as_carriers_write_it(
    source: str, written: str, network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    line = network.line()
    phone(line)
    number = written.format(number=line.number, national=line.number.removeprefix("44"))
    result = carrier(source).call(talking(0.1) + hang_up(), number)
    assert result, result.errors
    record = story.tells(result, "completed", 200, 16, CALL)
    assert record.number == line.number
    assert record.called.startswith(f"sip:{number}@")


def test_a_national_number_without_a_region_is_no_number(network: Network, carrier: CarrierAt, story: Story) -> None:
    line = network.line()
    result = carrier(net.ACME).call(refused(404), "0" + line.number.removeprefix("44"))
    assert result, result.errors
    story.tells(result, "prefix_not_matched", 404, 1, "routing reject")


def test_the_number_may_stand_in_the_to_header(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """Where the carrier account says so; its Request-URI names our account with the carrier."""
    line = network.line()
    phone(line)
    result = carrier(net.ACME_TO).call(talking(0.1, to=f"+{line.number}") + hang_up(), "trunk-4711")
    assert result, result.errors
    assert story.tells(result, "completed", 200, 16, CALL).number == line.number


def test_the_number_may_stand_in_p_called_party_id(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    line = network.line()
    phone(line)
    header = f'P-Called-Party-ID: "Desk" <sip:+{line.number}@127.0.0.1;user=phone>'
    result = carrier(net.ACME_CALLED_PARTY).call(talking(0.1, extra=header) + hang_up(), "trunk-4711")
    assert result, result.errors
    assert story.tells(result, "completed", 200, 16, CALL).number == line.number
