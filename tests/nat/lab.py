"""Network namespaces for tests: a public network with the switch on it, and routers with a phone's LAN behind each.

The public network is a bridge in the machine's own namespace, so that switch, deciders and database stay where they
are; only routers and LANs live in namespaces. A socket belongs to the namespace it was made in, whatever thread uses
it later, so phones behind NAT are threads of the test like all others.
"""

import contextlib
import ctypes
import os
import random
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
CLONE_NEWNET = 0x40000000  # setns(2)
PREFIX = "vbt"
PHONE = "10.77.0.10"
# What every home router does: masquerade, let in only what belongs to something sent out.
RULES = """
table ip nat {{
  chain post {{
    type nat hook postrouting priority srcnat
    oifname "wan" masquerade {random}
  }}
  chain pre {{
    type nat hook prerouting priority dstnat
    {forward}
  }}
}}
table ip fw {{
  chain forward {{
    type filter hook forward priority 0; policy drop
    ct state established,related accept
    ct status dnat accept
    iifname "lan" accept
  }}
  chain input {{
    type filter hook input priority 0; policy drop
    ct state established,related accept
    iifname "lan" accept
  }}
}}
"""


def run(*command: str, text: str | None = None) -> str:
    """Run a command and return what it prints; raise RuntimeError with its complaint."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def inside(namespace: str, make: Callable[[], T]) -> T:
    """Return what a function makes inside a namespace (a socket stays there)."""
    made: list[T] = []
    failed: list[OSError] = []

    def enter() -> None:
        try:
            with Path(f"/run/netns/{namespace}").open() as handle:
                if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
            made.append(make())
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]


@dataclass
class Router:
    """A NAT router and the LAN behind it."""

    name: str
    wan: str
    lan: str

    def bindings(self) -> list[str]:
        """Return the router's UDP bindings of the phone, as conntrack lists them."""
        table = run("ip", "netns", "exec", self.name, "conntrack", "-L", "-p", "udp")
        return [line for line in table.splitlines() if PHONE in line]

    def socket(self, port: int = 0) -> socket.socket:
        """Return a UDP socket of the phone's address in the LAN."""

        def make() -> socket.socket:
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            made.bind((PHONE, port))
            return made

        return inside(self.lan, make)


class PublicNetwork:
    """A network of documentation addresses (RFC 2544's 198.18.0.0/15) on a bridge of this machine."""

    def __init__(self) -> None:
        used = run("ip", "-o", "-4", "address")
        number = next(n for n in random.sample(range(256), 256) if f" 198.18.{n}." not in used)
        self.prefix = f"198.18.{number}"
        self.v6 = f"fd00:5ba5:{os.getpid() & 0xFFFF:x}::1"
        self.bridge = f"{PREFIX}{number}"
        self.switch = f"{self.prefix}.1"
        self._next = 9
        self._namespaces: list[str] = []
        run("ip", "link", "add", self.bridge, "type", "bridge")
        run("ip", "address", "add", f"{self.switch}/24", "dev", self.bridge)
        run("ip", "address", "add", f"{self.v6}/64", "dev", self.bridge, "nodad")
        run("ip", "link", "set", self.bridge, "up")

    def address(self) -> str:
        """Return a new public address of this machine: a carrier's, or that of a phone without NAT."""
        self._next += 1
        address = f"{self.prefix}.{self._next}"
        run("ip", "address", "add", f"{address}/24", "dev", self.bridge)
        return address

    def address6(self) -> str:
        """Return a new IPv6 address of this machine."""
        self._next += 1
        address = f"{self.v6.removesuffix('1')}{self._next:x}"
        run("ip", "address", "add", f"{address}/64", "dev", self.bridge, "nodad")
        return address

    def router(self, *, timeout: int = 60, random_ports: bool = False, forward_port: int = 0) -> Router:
        """Make a router that forgets a UDP binding after so many seconds, and the LAN behind it."""
        self._next += 1
        wan = f"{self.prefix}.{self._next}"
        name, lan = (f"{PREFIX}-{os.getpid()}-{self._next}{part}" for part in "rl")
        outside = f"{self.bridge}p{self._next}"
        for namespace in (name, lan):
            run("ip", "netns", "add", namespace)
            self._namespaces.append(namespace)
        run("ip", "link", "add", outside, "type", "veth", "peer", "name", "wan", "netns", name)
        run("ip", "link", "set", outside, "master", self.bridge, "up")
        run("ip", "-n", name, "link", "add", "lan", "type", "veth", "peer", "name", "eth", "netns", lan)
        run("ip", "-n", name, "-batch", "-", text=f"address add {wan}/24 dev wan\naddress add 10.77.0.1/24 dev lan\n"
            f"link set wan up\nlink set lan up\nroute add default via {self.switch}\n")  # fmt: skip
        run("ip", "-n", lan, "-batch", "-", text=f"address add {PHONE}/24 dev eth\nlink set eth up\nlink set lo up\n"
            "route add default via 10.77.0.1\n")  # fmt: skip
        seconds = f"net.netfilter.nf_conntrack_udp_timeout={timeout}"
        forward = f'iifname "wan" udp dport {forward_port} dnat to {PHONE}' if forward_port else ""
        rules = RULES.format(random="random" if random_ports else "", forward=forward)
        # conntrack's settings exist once its module is in use in the namespace, so the rules come first.
        run("ip", "netns", "exec", name, "nft", "-f", "-", text=rules)
        run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.ip_forward=1", seconds,
            seconds.replace("timeout", "timeout_stream"))  # fmt: skip
        return Router(name, wan, lan)

    def close(self) -> None:
        """Remove everything; the veth pairs go with their namespaces."""
        for namespace in self._namespaces:
            with contextlib.suppress(RuntimeError):
                run("ip", "netns", "delete", namespace)
        with contextlib.suppress(RuntimeError):
            run("ip", "link", "delete", self.bridge)


def open_network() -> tuple[PublicNetwork | None, str]:
    """Return a public network, or why this machine cannot have one; what a killed run left is removed first."""
    missing = [tool for tool in ("ip", "nft", "conntrack") if not shutil.which(tool)]
    if missing:
        return None, f"{', '.join(missing)} not installed"
    if os.geteuid():
        return None, "network namespaces need root"
    try:
        _remove_leftovers()
        return PublicNetwork(), ""
    except (RuntimeError, OSError) as error:
        return None, f"network namespaces do not work here: {error}"


def _remove_leftovers() -> None:
    for entry in Path("/run/netns").glob(f"{PREFIX}-*"):
        pid = entry.name.split("-")[1]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            with contextlib.suppress(RuntimeError):
                run("ip", "netns", "delete", entry.name)
