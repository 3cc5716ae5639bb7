"""Find out whether an address can be listened on, before a process fails on it with a page of trace."""

import errno
import json
import os
import random
import socket
from pathlib import Path

from .errors import StartError
from .folder import write_private


def split_address(address: str, default_port: int) -> tuple[str, int]:
    """Split "host:port", "[v6]:port" or "host" into its parts."""
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        return host, int(rest.lstrip(":") or default_port)
    host, _, port = address.partition(":")
    return host, int(port or default_port)


def try_bind(host: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> OSError | None:
    """Return what the kernel says against listening there, or None."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                # As servers do: connections of an earlier run that still linger in TIME_WAIT are no obstacle.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return error
    return None


def require_free(what: str, setting: str, host: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> None:
    """Raise StartError, with the setting that helps, where that address cannot be listened on."""
    error = try_bind(host, port, kind)
    if error is None:
        return
    where = f"{'UDP' if kind == socket.SOCK_DGRAM else 'TCP'} port {port} on {host}"
    match error.errno:
        case errno.EADDRINUSE:
            hint = f"{where} is taken by another program: stop it (ss -lnp shows it), or set {setting} to another"
        case errno.EACCES | errno.EPERM:
            hint = f"this user may not listen on {where}: start as root, or set {setting} to a port above 1023"
        case errno.EADDRNOTAVAIL:
            hint = f"{host} is no address of this machine: set {setting} to one that is (ip address shows them)"
        case _:
            hint = f"cannot listen on {where} ({error.strerror}): set {setting} to another"
    raise StartError(f"{what}: {hint}")


def free_port(*hosts: str) -> int:
    """Return a port that nothing listens on now, by TCP or UDP, on any of these addresses.

    Below the ephemeral range (ip_local_port_range starts at 32768): a server that restarts must not find that some
    outgoing connection was given its port meanwhile.
    """
    for port in random.sample(range(28000, 32700), 200):
        kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM)
        if all(try_bind(host, port, kind) is None for host in hosts or ("127.0.0.1",) for kind in kinds):
            return port
    raise StartError("no free port was found between 28000 and 32700")


def kept_port(memory: Path, name: str, setting: str, what: str) -> int:
    """Return the port of an embedded server: what the environment says, else a remembered one.

    Nobody outside connects to these, so a taken port is replaced without a word, unless a person chose it.
    """
    chosen = os.environ.get(setting)
    if chosen:
        require_free(what, setting, "127.0.0.1", int(chosen))
        return int(chosen)
    return remembered_port(memory, name)


def remembered_port(memory: Path, name: str) -> int:
    """Return the loopback port that this purpose had before, or a free one where it is new or taken."""
    ports: dict[str, int] = {}
    if memory.exists():
        ports = json.loads(memory.read_text())
    if name not in ports or try_bind("127.0.0.1", ports[name]) is not None:
        ports[name] = free_port()
        write_private(memory, json.dumps(ports) + "\n")
    return ports[name]
