"""Whose address a request comes from, when proxies that we trust stand between.

``TRUSTED_PROXIES`` lists their addresses or networks. A header counts only if the peer of the socket is one of them;
anybody else could write it.
"""

import ipaddress
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest
from python_ipware import IpWare

type_of_network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=4)
def _trusted(proxies: tuple[str, ...]) -> tuple[list[type_of_network], IpWare]:
    networks = [ipaddress.ip_network(proxy, strict=False) for proxy in proxies]
    return networks, IpWare(
        precedence=("HTTP_X_FORWARDED_FOR",), proxy_list=[str(network) for network in networks], algorithm="modern"
    )


def client_address(request: HttpRequest) -> str | None:
    """Return the client's address, or None for a socket that has none (a unix socket).

    Behind trusted proxies it is the last address of X-Forwarded-For that is not one of them; an unreadable header
    leaves the proxy's own address. An IPv4-mapped IPv6 address is the IPv4 address.
    """
    known: str | None = getattr(request, "_client_address", None)
    if known is None:
        known = request._client_address = _find(request)  # type: ignore[attr-defined]
    return known


def _find(request: HttpRequest) -> str | None:
    try:
        peer = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return None
    if peer.version == 6 and peer.ipv4_mapped:
        peer = peer.ipv4_mapped
    proxies = tuple(settings.TRUSTED_PROXIES)
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if not proxies or not forwarded:
        return str(peer)
    networks, ipware = _trusted(proxies)
    if not any(peer in network for network in networks):
        return str(peer)
    # The library reads chains that end at one proxy. Our end is the proxy farthest out: the last of the trusted ones
    # that stand between, the first of which is the peer, known by the socket alone.
    hops = forwarded.split(",")
    farthest = str(peer)
    while hops and _is_trusted(hops[-1], networks):
        farthest = hops.pop().strip()
    found, _ = ipware.get_client_ip({"HTTP_X_FORWARDED_FOR": ",".join([*hops, farthest])}, strict=False)
    return str(found) if found else farthest


def _is_trusted(hop: str, networks: list[type_of_network]) -> bool:
    try:
        address = ipaddress.ip_address(hop.strip())
    except ValueError:
        return False
    return any(address in network for network in networks)
