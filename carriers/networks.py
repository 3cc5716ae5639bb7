"""Addresses and networks as operators write them: one address, or with "subnet" a network in CIDR notation."""

import dataclasses
import ipaddress
import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from core.phone_numbers import shorten

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

# Wider ones let in strangers: no provider has more addresses, and a slip of "/2" for "/24" costs money.
WIDEST = {4: 8, 6: 16}

_RANGE = re.compile(r"^\s*([0-9a-fA-F.:]+)\s*[-–—]\s*([0-9a-fA-F.:]+)\s*$")


class NetworkError(ValueError):
    """A text that is no address or network of a carrier; the message says why and, where it can, what was meant."""


@dataclasses.dataclass(frozen=True, slots=True)
class WrittenNetwork:
    """One line of a pasted list: its text, and the network with its description, or the reason it is none."""

    line: int
    text: str
    network: Network | None
    description: str = ""
    error: str = ""


def read_network(text: str, *, subnet: bool) -> Network:
    """Read one address (``subnet`` off) or a network in CIDR notation (``subnet`` on), IPv4 or IPv6.

    An IPv4-mapped IPv6 address is its IPv4 address, as at the switch. Raise NetworkError with what to write instead.
    """
    written = text.strip()
    if not written:
        raise NetworkError("Enter an IP address." if not subnet else "Enter a network, such as 203.0.113.0/26.")
    if _RANGE.match(written):
        raise NetworkError(_in_cidr(written))
    if not subnet:
        if "/" in written:
            raise NetworkError(f"{shorten(written)} is a network: check “subnet”, or leave out the part from “/” on.")
        return _usable(ipaddress.ip_network(_address(written)))
    if "/" not in written:
        address = _address(written)
        example = ipaddress.ip_network((address, address.max_prefixlen - 6), strict=False)
        raise NetworkError(
            f"A subnet is written in CIDR notation, such as {example}; uncheck “subnet” for the address alone."
        )
    return _usable(_cidr(written))


def read_networks(text: str) -> Iterator[WrittenNetwork]:
    """Read a pasted list: an address or CIDR network a line, then what it is; ``#`` begins a remark."""
    for line, content in enumerate(text.splitlines(), start=1):
        written = content.partition("#")[0].strip().rstrip(",;")
        if not written:
            continue
        if _RANGE.match(written):
            yield WrittenNetwork(line, written, None, error=_in_cidr(written))
            continue
        first, _, description = re.sub(r"[,;\t]", " ", written).partition(" ")
        try:
            network = read_network(first, subnet="/" in first)
        except NetworkError as error:
            yield WrittenNetwork(line, written, None, error=str(error))
        else:
            yield WrittenNetwork(line, written, network, description.strip()[:200])


def is_single(network: Network) -> bool:
    """Tell whether ``network`` is one address."""
    return network.prefixlen == network.max_prefixlen


def show_network(network: Network) -> str:
    """Return a network as operators write it: a single address without its mask."""
    return str(network.network_address) if is_single(network) else str(network)


def _address(written: str) -> Address:
    if "%" in written:
        raise NetworkError(f"{shorten(written)} has a zone; write the address without “%” and what follows.")
    try:
        address = ipaddress.ip_address(written.strip("[]"))
    except ValueError:
        raise NetworkError(_why_no_address(written)) from None
    return getattr(address, "ipv4_mapped", None) or address


def _why_no_address(written: str) -> str:
    octets = written.split(".")
    if len(octets) == 4 and all(octet.isdecimal() for octet in octets):
        if any(int(octet) > 255 for octet in octets):
            return f"{written} is not an address: each part is at most 255."
        plain = ".".join(str(int(octet)) for octet in octets)
        return f"{written} has leading zeros, which some systems read as octal; write {plain}."
    if len(octets) == 4 and octets[3].partition(":")[0].isdecimal() and written.count(":") == 1:
        return f"Leave out the port: {written.partition(':')[0]}. Calls are recognised from any port."
    return f"“{shorten(written)}” is not an IP address, such as 203.0.113.5 or 2001:db8::5."


def _cidr(written: str) -> Network:
    host, _, mask = written.partition("/")
    address = _address(host)
    if not mask.isdecimal():
        raise NetworkError(f"“/{shorten(mask)}” is no prefix length; CIDR notation ends in a number, such as /26.")
    length = int(mask)
    mapped = ":" in host and address.version == 4
    if mapped:
        length -= 96
    if not 0 <= length <= address.max_prefixlen:
        raise NetworkError(
            f"/{mask} is no prefix length: an IPv{address.version} network has 0 to {address.max_prefixlen}."
        )
    network = ipaddress.ip_network((address, length), strict=False)
    if network.network_address != address:
        raise NetworkError(
            f"{written} has host bits set: write {network} for the network, "
            f"or uncheck “subnet” for the address {address} alone."
        )
    return network


def _usable(network: Network) -> Network:
    if network.prefixlen < WIDEST[network.version]:
        raise NetworkError(
            f"{network} is too wide to be one carrier's: at most /{WIDEST[network.version]} for IPv{network.version}."
        )
    if network.network_address.is_multicast or network.network_address.is_unspecified:
        raise NetworkError(f"No call comes from {show_network(network)}.")
    return network


def _in_cidr(written: str) -> str:
    """Return how to write the range "first-last" as networks, so that the operator can paste the answer."""
    match = _RANGE.match(written)
    if match is None:
        raise ValueError(written)
    first, last = _address(match[1]), _expanded_last(match[1], match[2])
    if first.version != last.version or int(last) < int(first):
        return f"{shorten(written)} is no range: it ends before it begins."
    networks = [show_network(network) for network in ipaddress.summarize_address_range(first, last)]
    if len(networks) > 8:
        return f"Write the range {shorten(written)} in CIDR notation."
    return f"Write the range in CIDR notation, one entry each: {', '.join(networks)}."


def _expanded_last(first: str, last: str) -> Address:
    """Return the end of a range; "203.0.113.5-9" gives the last part only."""
    if last.isdecimal() and first.count(".") == 3:
        last = f"{first.rpartition('.')[0]}.{last}"
    return _address(last)
