"""Addresses and CIDR networks are read as the guide writes them, or refused with what to write instead."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carriers.networks import NetworkError, read_network, read_networks, show_network


@pytest.mark.parametrize(
    ("written", "subnet", "network"),
    [
        ("203.0.113.5", False, "203.0.113.5/32"),
        (" 203.0.113.0/26 ", True, "203.0.113.0/26"),
        ("203.0.113.5/32", True, "203.0.113.5/32"),
        ("2001:DB8::5", False, "2001:db8::5/128"),
        ("[2001:db8::5]", False, "2001:db8::5/128"),
        ("2001:db8:0:1::/64", True, "2001:db8:0:1::/64"),
        ("::ffff:203.0.113.5", False, "203.0.113.5/32"),
        ("::ffff:203.0.113.0/122", True, "203.0.113.0/26"),
    ],
)
def test_an_address_or_network_is_read(written: str, subnet: bool, network: str) -> None:
    assert read_network(written, subnet=subnet) == ipaddress.ip_network(network)


@pytest.mark.parametrize(
    ("written", "subnet", "reason"),
    [
        ("", False, "Enter an IP address"),
        ("", True, "Enter a network"),
        ("203.0.113.0/26", False, "check “subnet”"),
        ("203.0.113.5", True, "CIDR notation, such as 203.0.113.0/26"),
        ("203.0.113.5/26", True, "host bits set: write 203.0.113.0/26"),
        ("2001:db8::1/64", True, "host bits set: write 2001:db8::/64"),
        ("203.0.113.256", False, "at most 255"),
        ("203.000.113.005", False, "leading zeros"),
        ("203.0.113.5:5060", False, "Leave out the port: 203.0.113.5"),
        ("fe80::1%eth0", False, "zone"),
        ("sip.example.com", False, "is not an IP address"),
        ("203.0.113.0/255.255.255.0", True, "no prefix length"),
        ("203.0.113.0/33", True, "IPv4 network has 0 to 32"),
        ("0.0.0.0/0", True, "too wide"),
        ("224.0.0.5", False, "No call comes from"),
        ("0.0.0.0", False, "No call comes from"),
        ("203.0.113.5-203.0.113.8", False, "203.0.113.5, 203.0.113.6/31, 203.0.113.8"),
        ("203.0.113.5-8", True, "203.0.113.5, 203.0.113.6/31, 203.0.113.8"),
        ("203.0.113.9-203.0.113.8", True, "ends before it begins"),
    ],
)
def test_what_is_none_is_refused_with_what_to_write(written: str, subnet: bool, reason: str) -> None:
    with pytest.raises(NetworkError) as caught:
        read_network(written, subnet=subnet)
    assert reason in str(caught.value)


addresses = st.ip_addresses(v=4) | st.ip_addresses(v=6)


@given(address=addresses, length=st.integers(8, 128))
def test_a_network_is_read_exactly_when_it_has_no_host_bits(address: ipaddress.IPv4Address, length: int) -> None:
    length = min(length, address.max_prefixlen)
    written = f"{address}/{length}"
    expected = ipaddress.ip_network(written, strict=False)
    try:
        read = read_network(written, subnet=True)
    except NetworkError as error:
        refused = str(error)
        assert (
            "host bits" in refused or "too wide" in refused or "No call comes" in refused or "prefix length" in refused
        )
        if "host bits" in refused and address.version == 4:
            assert expected.network_address != address
            assert str(expected) in refused
        return
    if getattr(address, "ipv4_mapped", None) is None:
        assert read == expected == ipaddress.ip_network(written)
    assert read_network(show_network(read), subnet="/" in show_network(read)) == read


@given(text=st.text(max_size=60), subnet=st.booleans())
def test_any_text_is_read_or_refused(text: str, subnet: bool) -> None:
    try:
        network = read_network(text, subnet=subnet)
    except NetworkError as error:
        assert str(error)
        return
    assert subnet or network.prefixlen == network.max_prefixlen


def test_a_pasted_list_keeps_descriptions_and_reasons() -> None:
    text = "203.0.113.5 London SBC\n\n203.0.113.0/26, backup\n2001:db8::/48;\nnonsense # x\n10.0.0.1-3\n"
    read = list(read_networks(text))
    assert [(entry.line, str(entry.network), entry.description) for entry in read] == [
        (1, "203.0.113.5/32", "London SBC"),
        (3, "203.0.113.0/26", "backup"),
        (4, "2001:db8::/48", ""),
        (5, "None", ""),
        (6, "None", ""),
    ]
    assert "10.0.0.1, 10.0.0.2/31" in read[4].error
