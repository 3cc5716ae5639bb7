"""Longest-prefix match of addresses: a dict per mask length, IPv4 and IPv6 apart, with the nearest miss."""

import ipaddress
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

Address = tuple[int, int]
"""An address as (version 4 or 6, integer)."""


class Network(NamedTuple):
    """A network as integers; ``length`` is the mask's."""

    version: int
    first: int
    length: int

    @property
    def last(self) -> int:
        """The highest address inside."""
        return self.first + (1 << (width(self.version) - self.length)) - 1


class Miss(NamedTuple):
    """The network nearest to an address that lies in none: ``distance`` addresses past its end or before its start."""

    id: int
    distance: int
    past: bool


def width(version: int) -> int:
    """Return the number of bits of an address of this IP version."""
    return 32 if version == 4 else 128


# Providers send from few addresses; parsing one is a tenth of a decision.
@lru_cache(maxsize=4096)
def parse_address(text: str) -> Address | None:
    """Return an address as integers; an IPv4-mapped IPv6 address is the IPv4 address (RFC 4291 §2.5.5.2)."""
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            return None
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
    return address.version, int(address)


def parse_network(text: str) -> Network:
    """Return a network in CIDR notation as integers; raises ValueError where it is none."""
    network = ipaddress.ip_network(text)
    return Network(network.version, int(network.network_address), network.prefixlen)


class NetworkIndex:
    """Which ids hold an address; ids of one network keep the order of their sort keys."""

    __slots__ = ("_by_length", "_firsts", "_lasts", "_lengths")

    def __init__(self) -> None:
        self._by_length: dict[tuple[int, int], dict[int, tuple[tuple[int, int], ...]]] = {}
        self._lengths: dict[int, tuple[int, ...]] = {4: (), 6: ()}
        # For the nearest miss only: (address, id) in order, of first and of last addresses.
        self._firsts: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        self._lasts: dict[int, list[tuple[int, int]]] = {4: [], 6: []}

    def add(self, network: Network, id_: int, rank: int) -> None:
        """Add an id under its network; a lower rank comes first among the ids of one network."""
        version, first, length = network
        nets = self._by_length.get((version, length))
        if nets is None:
            nets = self._by_length[version, length] = {}
            self._lengths[version] = tuple(sorted((n for v, n in self._by_length if v == version), reverse=True))
        key = first >> (width(version) - length)
        nets[key] = tuple(sorted((*nets.get(key, ()), (rank, id_))))
        insort(self._firsts[version], (first, id_))
        insort(self._lasts[version], (network.last, id_))

    def extend(self, networks: list[tuple[Network, int, int]]) -> None:
        """Add many (network, id, rank) at once to an empty index: one sort instead of many insertions."""
        grouped: dict[tuple[int, int], dict[int, list[tuple[int, int]]]] = {}
        for network, id_, rank in networks:
            version, first, length = network
            nets = grouped.setdefault((version, length), {})
            nets.setdefault(first >> (width(version) - length), []).append((rank, id_))
            self._firsts[version].append((first, id_))
            self._lasts[version].append((network.last, id_))
        self._by_length = {at: {key: tuple(sorted(ids)) for key, ids in nets.items()} for at, nets in grouped.items()}
        for version in (4, 6):
            self._lengths[version] = tuple(sorted((n for v, n in self._by_length if v == version), reverse=True))
            self._firsts[version].sort()
            self._lasts[version].sort()

    def remove(self, network: Network, id_: int, rank: int) -> None:
        """Take an id out; raises KeyError when it is not there."""
        version, first, length = network
        nets = self._by_length[version, length]
        key = first >> (width(version) - length)
        rest = tuple(entry for entry in nets[key] if entry != (rank, id_))
        if len(rest) == len(nets[key]):
            raise KeyError(id_)
        if rest:
            nets[key] = rest
        else:
            del nets[key]
        if not nets:
            del self._by_length[version, length]
            self._lengths[version] = tuple(n for n in self._lengths[version] if n != length)
        for ordered, at in ((self._firsts[version], first), (self._lasts[version], network.last)):
            del ordered[bisect_left(ordered, (at, id_))]

    def holding(self, address: Address) -> Iterator[int]:
        """Yield the ids of every network that holds the address: longest mask first, then by rank."""
        version, value = address
        bits = width(version)
        for length in self._lengths[version]:
            for _, id_ in self._by_length[version, length].get(value >> (bits - length), ()):
                yield id_

    def nearest(self, address: Address) -> Miss | None:
        """Return the network of the same IP version nearest to an address that none holds."""
        version, value = address
        firsts, lasts = self._firsts[version], self._lasts[version]
        after = bisect_right(firsts, (value, -1))
        before = bisect_left(lasts, (value, -1)) - 1
        misses = []
        if after < len(firsts):
            misses.append(Miss(firsts[after][1], firsts[after][0] - value, past=False))
        if before >= 0:
            misses.append(Miss(lasts[before][1], value - lasts[before][0], past=True))
        return min(misses, key=lambda miss: miss.distance, default=None)
