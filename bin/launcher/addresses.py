"""Which addresses this machine has, where the operator named none."""

import os
import socket

from .errors import StartError
from .ports import require_free, split_address, try_bind

# Documentation addresses (RFC 5737, RFC 3849): asking the kernel for the route there sends nothing.
FAR_AWAY = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


def primary_address(family: socket.AddressFamily) -> str | None:
    """Return the address from which this machine would speak to the internet, or None."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((FAR_AWAY[family], 9))
            address = str(probe.getsockname()[0])
    except OSError:
        return None
    return None if address.startswith(("127.", "fe80:")) or address == "::1" else address


def sip_listen() -> list[str]:
    """Return the addresses the switch listens on: SIP_LISTEN, else loopback and primary ones of both families."""
    chosen = [part.strip() for part in os.environ.get("SIP_LISTEN", "").split(",") if part.strip()]
    if chosen:
        return [part.strip("[]") for part in chosen]
    candidates = ["127.0.0.1", primary_address(socket.AF_INET), primary_address(socket.AF_INET6)]
    if try_bind("::1", 0) is None:
        candidates.append("::1")
    return [address for address in candidates if address]


def require_free_sip(addresses: list[str], port: int, tls: int) -> None:
    """Raise StartError unless the switch can listen on every one of them, by UDP, TCP and (port not 0) TLS."""
    sockets = [("SIP_PORT", port, socket.SOCK_DGRAM), ("SIP_PORT", port, socket.SOCK_STREAM)]
    if tls:
        sockets.append(("SIP_TLS_PORT", tls, socket.SOCK_STREAM))
    for address in addresses:
        for setting, own, kind in sockets:
            wrong = setting if try_bind(address, 0, kind) is None else "SIP_LISTEN"
            require_free("the switch", wrong, address, own, kind)


def tls_port() -> int:
    """Return the switch's port of SIP over TLS, 0 where TLS is off."""
    # Imported late: the switch's part is not needed where the portal runs alone.
    from switch import environment

    value = os.environ.get("SIP_TLS_PORT", "")
    try:
        chosen = environment.tls_port(os.environ)
    except ValueError:
        chosen = -1
    if not 0 <= chosen < 65536:
        raise StartError(f"SIP_TLS_PORT={value or chosen}: must be a port number from 1 to 65535, or off")
    return chosen


def number(setting: str, default: int) -> int:
    """Return a port number from the environment."""
    value = os.environ.get(setting) or str(default)
    if not value.isdigit() or not 0 < int(value) < 65536:
        raise StartError(f"{setting}={value}: must be a port number from 1 to 65535")
    return int(value)


def listen(setting: str, default: str) -> tuple[str, int]:
    """Return host and port from the environment, for a setting that holds both."""
    value = os.environ.get(setting) or default
    try:
        host, port = split_address(value, split_address(default, 0)[1])
    except ValueError as error:
        raise StartError(f"{setting}={value}: must be an address and a port, such as {default}") from error
    return host, port
