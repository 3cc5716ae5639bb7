"""Network matching equals the standard library's, whatever is added and removed."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.networks import NetworkIndex, parse_address, parse_network

# Few bits vary, so that networks nest and addresses hit them.
v4 = st.builds(lambda low: ipaddress.IPv4Address(0xCB007100 + low), st.integers(0, 511))
v6 = st.builds(lambda low: ipaddress.IPv6Address((0x20010DB8 << 96) + low), st.integers(0, 511))
addresses = v4 | v6
networks = st.one_of(
    st.builds(lambda a, n: ipaddress.ip_network((a, n), strict=False), v4, st.integers(0, 32)),
    st.builds(lambda a, n: ipaddress.ip_network((a, n), strict=False), v6, st.integers(0, 128)),
)
entries = st.lists(st.tuples(networks, st.integers(-3, 0)), max_size=20)


def index_of(stored: dict[int, tuple[str, int]], *, at_once: bool) -> NetworkIndex:
    index = NetworkIndex()
    if at_once:
        index.extend([(parse_network(text), id_, rank) for id_, (text, rank) in stored.items()])
    else:
        for id_, (text, rank) in stored.items():
            index.add(parse_network(text), id_, rank)
    return index


@given(entries, addresses, st.booleans(), st.sets(st.integers(0, 19)))
def test_matching_and_the_nearest_miss_equal_a_scan_with_ipaddress(
    made: list[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, int]],
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
    at_once: bool,
    gone: set[int],
) -> None:
    stored = {id_: (str(network), rank) for id_, (network, rank) in enumerate(made)}
    index = index_of(stored, at_once=at_once)
    for id_ in gone & stored.keys():
        text, rank = stored.pop(id_)
        index.remove(parse_network(text), id_, rank)
    nets = {id_: ipaddress.ip_network(text) for id_, (text, _) in stored.items()}
    alike = {id_: net for id_, net in nets.items() if net.version == address.version}
    holding = sorted(
        (id_ for id_, net in alike.items() if address in net),
        key=lambda id_: (-nets[id_].prefixlen, stored[id_][1], id_),
    )
    parsed = parse_address(str(address))
    assert parsed is not None
    assert list(index.holding(parsed)) == holding

    if not holding:
        miss = index.nearest(parsed)
        distances = [
            max(int(net.network_address) - int(address), int(address) - int(net.broadcast_address))
            for net in alike.values()
        ]
        assert (miss.distance if miss else None) == min(distances, default=None)


def test_an_ipv4_mapped_address_is_the_ipv4_address() -> None:
    assert parse_address("::ffff:203.0.113.5") == parse_address("203.0.113.5") == (4, 0xCB007105)


@pytest.mark.parametrize(
    "text", ["", "203.0.113", "203.0.113.256", "fe80::1%eth0", "host.example", "203.0.113.5:5060", "0x7f000001"]
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert parse_address(text) is None


def test_brackets_of_a_sip_host_are_taken_off() -> None:
    assert parse_address("[2001:db8::1]") == (6, (0x20010DB8 << 96) + 1)


def test_removing_what_is_not_there_is_an_error() -> None:
    index = index_of({1: ("203.0.113.0/24", 0)}, at_once=True)
    with pytest.raises(KeyError):
        index.remove(parse_network("203.0.113.0/24"), 2, 0)
