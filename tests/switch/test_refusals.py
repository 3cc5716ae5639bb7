"""Calls that the switch refuses before a phone hears of them: checks 1 to 14 at the SIP level, in log and CDR."""

from collections.abc import Callable

import pytest

from tests.switch import network as net
from tests.switch.conftest import PhoneMaker, Story
from tests.switch.network import Network
from tests.switch.phone import Manner
from tests.switch.sipp import Carrier, hang_up, refused, talking, talking_or_refused

CarrierAt = Callable[..., Carrier]
CALL_REJECT, ROUTING_REJECT, CALL = "call reject", "routing reject", "call"

# name: source, number (or a Network's attribute), reason, SIP, Q.850, category, Reason header to the carrier
REFUSALS = {
    "source not listed": ("127.11.99.9", "line", "source_not_listed", 403, 21, CALL_REJECT, False),
    "just outside the subnet": ("127.11.2.64", "line", "source_not_listed", 403, 21, CALL_REJECT, False),
    "carrier without the flag": (net.NO_FLAG, "line", "carrier_not_did_provider", 403, 21, CALL_REJECT, True),
    "carrier without credit": (net.NO_CREDIT, "line", "carrier_no_credit", 403, 21, CALL_REJECT, True),
    "unknown number": (net.ACME, "442079469999", "did_unknown", 404, 1, ROUTING_REJECT, True),
    "no number at all": (net.ACME, "reception", "prefix_not_matched", 404, 1, ROUTING_REJECT, True),
    "number of another carrier": (net.ACME, "of_other", "did_of_other_carrier", 404, 1, ROUTING_REJECT, True),
    "number not mapped": (net.ACME, "unmapped", "did_not_mapped", 404, 1, ROUTING_REJECT, True),
    "account suspended": (net.ACME, "suspended", "account_suspended", 404, 1, ROUTING_REJECT, True),
    "tech prefix wrong": (net.SHARED, "line", "prefix_not_matched", 404, 1, ROUTING_REJECT, False),
    "alias not registered": (net.ACME, "line", "not_registered", 487, 20, CALL, True),
}
PHRASES = {403: "Forbidden", 404: "Not Found", 487: "Request rejected"}


def number_of(network: Network, name: str) -> str:
    if name == "line":
        return network.line().number
    if name in network.special:
        return network.special[name].number
    return getattr(network, name, name)


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal(name: str, network: Network, carrier: CarrierAt, story: Story) -> None:
    """The carrier gets the code and a generic phrase, log and CDR the reason."""
    source, number, reason, sip, q850, category, cause = REFUSALS[name]
    result = carrier(source).call(refused(sip), number_of(network, number))
    assert result, result.errors
    record = story.tells(result, reason, sip, q850, category, by="switch")
    assert (str(record.source), record.answered_at, record.rang_at) == (source, None, None)
    final = result.finals[-1]
    assert final.start == f"SIP/2.0 {sip} {PHRASES[sip]}"
    assert final.header("Reason") == (f"Q.850;cause={q850}" if cause else "")
    assert not final.headers("Server") and not final.headers("User-Agent") and not final.headers("Warning")


def test_an_address_inside_a_subnet_is_listed(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """The last address of the network still belongs to it."""
    line = network.line()
    phone(line)
    result = carrier("127.11.2.63").call(talking(0.2) + hang_up(), line.number)
    assert result, result.errors
    record = story.tells(result, "completed", 200, 16, CALL)
    assert record.carrier_label == "Acme SIP"


def test_two_carriers_on_one_address_are_told_apart_by_tech_prefix(
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """The same address is one carrier or the other, by how the number starts."""
    for prefix, name, label in (("77", "shared_acme", "Acme SIP"), ("88", "shared_other", "Other SIP")):
        line = network.special[name]
        called = phone(line)
        result = carrier(net.SHARED).call(talking(0.2) + hang_up(), prefix + line.number)
        assert result, result.errors
        record = story.tells(result, "completed", 200, 16, CALL)
        assert (record.carrier_label, record.number, record.alias_label) == (label, line.number, line.user)
        assert called.received("INVITE")


def test_a_phone_cannot_call_in_as_a_carrier(network: Network, carrier: CarrierAt, story: Story) -> None:
    """Registered or not, an INVITE from an address that is no carrier's is refused like a scanner's."""
    result = carrier("127.12.250.1").call(refused(403), "442079460000")
    assert result, result.errors
    story.tells(result, "source_not_listed", 403, 21, CALL_REJECT)


@pytest.mark.parametrize(
    ("source", "name", "reason", "sip", "q850"),
    [
        (net.ACME, "did_limit", "did_limit", 486, 17),
        (net.ACME, "account_limit", "account_limit", 486, 17),
        (net.ACME_LIMITED, "line", "carrier_limit", 503, 34),
    ],
)
def test_a_call_limit_is_reached_and_freed(
    source: str, name: str, reason: str, sip: int, q850: int,
    network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story,
) -> None:  # fmt: skip
    """One call goes, a second is refused while it lasts, a third goes at once after it."""
    line = network.special.get(name) or network.line()
    called = phone(line)
    first = carrier(source).start(talking(2) + hang_up(), line.number)
    called.wait_for("ACK")
    second = carrier(source).call(refused(sip), line.number)
    assert second, second.errors
    story.tells(second, reason, sip, q850, CALL_REJECT, by="switch")
    story.tells(first.wait(), "completed", 200, 16, CALL, by="caller")
    third = carrier(source).call(talking(0.1) + hang_up(), line.number)
    assert third, third.errors
    assert len(called.received("INVITE")) == 2


def test_a_limit_counts_atomically(network: Network, carrier: CarrierAt, phone: PhoneMaker) -> None:
    """Of twenty calls at the same moment exactly one passes a limit of one."""
    line = network.special["did_limit"]
    phone(line, Manner(answer_after=1))
    result = carrier().call(talking_or_refused(486), line.number, calls=20, rate=1000, options=("-l", "20"))
    assert result, result.errors
    assert len({m.header("Call-ID") for m in result.finals if m.code == 486}) == 19
    assert len({m.header("Call-ID") for m in result.finals if m.code == 200}) == 1
