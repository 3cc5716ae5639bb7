"""The audio relay: rtpengine in user space, with one interface for each address on which the switch speaks SIP.

`python3 -m switch.relay` becomes rtpengine, as a container does. Pure standard library, like all of this folder.
"""

import ipaddress
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from switch.environment import read_addresses
from switch.render import SettingsError, interface_name

PROGRAM = "rtpengine"
DEFAULT_CONTROL = "127.0.0.1:2223"
DEFAULT_PORTS = "10000-20000"
# Of one call: RTP and RTCP towards each side.
PORTS_OF_A_CALL = 4
# A call whose end the switch never told (it died) is forgotten after so many seconds without a packet.
SILENCE_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class RelaySettings:
    """Where the relay listens: `interfaces` are pairs of a name and `address` or `address!advertised address`."""

    interfaces: list[tuple[str, str]]
    control: str
    port_min: int
    port_max: int


def program() -> str | None:
    """Return the path of rtpengine, None where it is not installed."""
    return shutil.which(PROGRAM, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Tell whether the settings ask for the relay."""
    return environment.get("RTP_RELAY", "on") != "off"


def control_address(environment: Mapping[str, str]) -> str:
    """Return the address on which rtpengine takes orders; raise SettingsError where it cannot be one."""
    control = environment.get("RTP_CONTROL") or DEFAULT_CONTROL
    if not re.fullmatch(r"[0-9.]+:\d{1,5}", control):
        raise SettingsError(f"RTP_CONTROL={control}: must be an IPv4 address and a port, such as {DEFAULT_CONTROL}")
    return control


def settings_from(environment: Mapping[str, str]) -> RelaySettings:
    """Return the settings; raise SettingsError naming the variable that cannot work."""
    low, high = _ports(environment.get("RTP_PORTS") or DEFAULT_PORTS)
    sip = read_addresses(environment.get("SIP_LISTEN", ""))
    rtp = [_advertised(part) for part in (environment.get("RTP_LISTEN") or "").split(",") if part.strip()]
    interfaces = [(interface_name(index), _address_for(address, rtp)) for index, address in enumerate(sip)]
    return RelaySettings(interfaces=interfaces, control=control_address(environment), port_min=low, port_max=high)


def _ports(value: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,5})-(\d{1,5})", value.strip())
    low, high = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1024 <= low < high <= 65535 or high - low < PORTS_OF_A_CALL:
        raise SettingsError(f"RTP_PORTS={value}: must be a range of UDP ports above 1023, such as {DEFAULT_PORTS}")
    return low, high


def _advertised(part: str) -> tuple[str, str]:
    """Read `address` or `address!advertised`."""
    local, _, shown = part.strip().partition("!")
    try:
        families = {ipaddress.ip_address(address.strip("[]")).version for address in filter(None, (local, shown))}
    except ValueError as error:
        raise SettingsError(f"RTP_LISTEN={part.strip()}: {error}") from error
    if len(families) != 1:
        raise SettingsError(f"RTP_LISTEN={part.strip()}: both addresses must be IPv4, or both IPv6")
    return local.strip("[]"), shown.strip("[]")


def _address_for(sip: str, rtp: list[tuple[str, str]]) -> str:
    """Return where audio of calls on a SIP address goes: the same, or the first of its family that is listed."""
    if not rtp:
        return sip
    family = ipaddress.ip_address(sip).version
    fitting = [pair for pair in rtp if ipaddress.ip_address(pair[0]).version == family]
    if not fitting:
        raise SettingsError(f"RTP_LISTEN: name an IPv{family} address for the calls on {sip}")
    local, shown = next((pair for pair in fitting if pair[0] == sip), fitting[0])
    return f"{local}!{shown}" if shown else local


def command(settings: RelaySettings, executable: str) -> list[str]:
    """Return rtpengine's command line: in the foreground, without the kernel module, messages on standard error."""
    return [
        # Debian's own file would open further ports, the same for two installations on one machine.
        executable, "--config-file=none", "--foreground", "--table=-1",
        "--log-stderr", "--no-log-timestamps", "--log-level=4",
        *(f"--interface={name}/{address}" for name, address in settings.interfaces),
        f"--listen-ng={settings.control}", f"--listen-http={settings.control}",
        f"--port-min={settings.port_min}", f"--port-max={settings.port_max}",
        f"--timeout={SILENCE_SECONDS}", f"--silent-timeout={SILENCE_SECONDS * 12}", "--delete-delay=0",
        # Expedited forwarding (RFC 4594 §4.1): voice goes before what can wait.
        "--tos=184",
        # Who sends from the address that the SDP, or the phone's NAT, names is believed before a stranger.
        "--endpoint-learning=heuristic",
    ]  # fmt: skip


def main() -> None:
    """Become rtpengine."""
    executable = program()
    if not executable:
        sys.exit("voipbilling: rtpengine is missing: apt-get install rtpengine-daemon")
    try:
        arguments = command(settings_from(os.environ), executable)
    except SettingsError as error:
        sys.exit(f"voipbilling: {error}")
    os.execv(arguments[0], arguments)  # noqa: S606 no shell is wanted


if __name__ == "__main__":
    main()
