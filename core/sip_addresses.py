"""How the switch is addressed: by carriers, in a SIP URI, and by phones."""

import ipaddress

from django.conf import settings

SIP_DEFAULT_PORT = 5060  # RFC 3261 §19.1.2: what an address without a port means
SIPS_DEFAULT_PORT = 5061  # and with transport=tls


def sip_host_port(host: str, port: int, default: int = SIP_DEFAULT_PORT) -> str:
    """Return ``host:port``, IPv6 in brackets (RFC 3986 §3.2.2), without the port that is the default anyway."""
    shown = f"[{host}]" if ":" in host else host
    return shown if port == default else f"{shown}:{port}"


def other_family() -> str:
    """Return the first address, not a loopback one, that the switch has of the family SIP_ADDRESS is not of; or ""."""
    version = _version(settings.SIP_ADDRESS)
    for address in settings.SIP_LISTEN:
        if version and _version(address) not in {0, version} and not ipaddress.ip_address(address).is_loopback:
            return str(address)
    return ""


def _version(text: str) -> int:
    try:
        return ipaddress.ip_address(text).version
    except ValueError:
        return 0


def sip_targets(number: str) -> list[tuple[str, str]]:
    """Return how a provider may send calls to a number: what the way is called, and its URI."""
    targets = []
    for host in filter(None, (settings.SIP_ADDRESS, other_family())):
        family = {4: " over IPv4", 6: " over IPv6"}.get(_version(host), "") if other_family() else ""
        targets.append((f"UDP or TCP{family}", f"sip:{number}@{sip_host_port(host, settings.SIP_PORT)}"))
        if settings.SIP_TLS_PORT:
            where = sip_host_port(host, settings.SIP_TLS_PORT, SIPS_DEFAULT_PORT)
            targets.append((f"TLS{family}", f"sip:{number}@{where};transport=tls"))
    return targets
