"""Render the few values of the switch's configuration that settings decide.

Everything else is static: the rendered `local.cfg` ends by including `kamailio.cfg` of this folder, and Kamailio is
started with `-f <target_dir>/local.cfg`. Pure standard library, so that a launcher can use it before Django exists.
"""

import ipaddress
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from switch import tls

HERE = Path(__file__).resolve().parent
MODULE_PATHS = (
    Path("/usr/lib/x86_64-linux-gnu/kamailio/modules"),
    Path("/usr/lib/aarch64-linux-gnu/kamailio/modules"),
    Path("/usr/lib/kamailio/modules"),
)


# Shared memory of an open TLS connection, measured with OpenSSL 3.0: see docs/switch.md.
TLS_KILOBYTES = 80
# A decider comes back within one or two of the switch's start, also on a busy machine.
START_SECONDS = 5


class SettingsError(ValueError):
    """A setting of the switch that cannot work, in words for whoever set it."""


@dataclass(frozen=True, kw_only=True)
class SwitchSettings:
    """What differs between two switches; times in seconds, paths absolute."""

    listen: list[str]  # addresses, IPv4 or IPv6, on which the SIP port is opened
    redis_url: str  # server of the event stream; the database is always 0
    run_dir: Path  # JSON-RPC socket: <run_dir>/rpc.sock
    record_dir: Path  # local record of events
    state_dir: Path  # bindings and calls, kept over a restart
    name: str = "sw1"
    sip_port: int = 5060
    realm: str = "voipbilling"
    evapi_listen: str = "127.0.0.1:8448"
    evapi_secret: str = field(default="", repr=False)  # what a decider must name first
    hop_secret: str = field(default="", repr=False)  # what a node's handed-on calls are marked with
    stream: str = "switch:events"
    workers: int = 4  # SIP workers per listening address
    tcp: bool = True
    tls_port: int = 0  # 0: no TLS
    tls_certificate: Path | None = None  # with its chain, PEM; without one the switch signs its own
    tls_key: Path | None = None
    tls_names: list[str] = field(default_factory=list)  # what its own certificate is for, beside `listen`
    tcp_idle_seconds: int = 60  # a connection that neither registered nor brought a call lives so long in silence
    max_connections: int = 8192  # TCP and TLS together
    no_response_timeout: float = 6
    no_answer_timeout: float = 60
    decision_timeout: float = 1
    max_call_seconds: int = 14400
    not_registered_code: int = 487
    digest_algorithm: str = "MD5"  # or SHA-256; phones do not choose (RFC 8760 needs both ends)
    default_expires: int = 600
    min_expires: int = 60
    max_expires: int = 3600
    max_contacts: int = 5
    ping_interval: int = 30  # OPTIONS to every contact; 0 turns it off
    keepalive_interval: int = 60  # OPTIONS inside answered calls, at least 30 (Kamailio's own floor)
    write_interval: int = 1  # bindings to their file: younger ones are not known any more to a switch that was killed
    flood_limit: int = 200  # requests outside a dialog per source address and second
    flood_block_seconds: int = 10
    relay_control: str = ""  # address:port of rtpengine, UDP (ng) and TCP (HTTP); empty: no audio relay
    queue_size: int = 100_000  # events kept in memory while Redis is away; the local record has them all
    module_path: Path | None = None
    problems: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def rpc_socket(self) -> Path:
        """Return the path of the JSON-RPC datagram socket."""
        return self.run_dir / "rpc.sock"

    def check(self) -> None:
        """Raise SettingsError naming every setting that cannot work."""
        self.problems.clear()
        self._check_words()
        self._check_addresses()
        self._check_numbers()
        if self.problems:
            raise SettingsError("; ".join(self.problems))

    def _demand(self, holds: bool, problem: str) -> None:
        if not holds:
            self.problems.append(problem)

    def _check_words(self) -> None:
        self._demand(bool(re.fullmatch(r"[A-Za-z0-9._-]{1,32}", self.name)), "SWITCH_NAME: letters, digits, . _ - only")
        self._demand(
            bool(re.fullmatch(r"[A-Za-z0-9._-]{1,64}", self.realm)), "SIP_REALM: letters, digits, . _ - only, up to 64"
        )
        self._demand(bool(re.fullmatch(r"[A-Za-z0-9:._-]{1,64}", self.stream)), "event stream: not a Redis key we use")
        for secret in (self.evapi_secret, self.hop_secret):
            self._demand(bool(re.fullmatch(r"[0-9a-f]*", secret)), "the switch's secrets: small hex digits only")
        self._demand(self.digest_algorithm in {"MD5", "SHA-256"}, "SIP_DIGEST_ALGORITHM: MD5 or SHA-256")
        for label, path in (
            ("run folder", self.run_dir),
            ("record folder", self.record_dir),
            ("state folder", self.state_dir),
        ):
            self._demand(path.is_absolute(), f"{label}: {path} is not an absolute path")
            self._demand(
                bool(re.fullmatch(r"[\w./+@-]+", str(path))), f"{label}: {path} has a character Kamailio splits at"
            )
        # sun_path of unix(7) holds 107 bytes.
        self._demand(len(str(self.rpc_socket)) <= 107, f"run folder: {self.rpc_socket} is too long for a UNIX socket")

    def _check_addresses(self) -> None:
        self._demand(bool(self.listen), "SIP_LISTEN: name at least one address")
        for address in self.listen:
            try:
                ipaddress.ip_address(address)
            except ValueError:
                self.problems.append(f"SIP_LISTEN: {address!r} is not an IP address")
        self._demand(bool(re.fullmatch(r"[0-9.]+:\d+", self.evapi_listen)), "EVAPI_LISTEN: IPv4 address:port")
        self._demand(bool(re.fullmatch(r"([0-9.]+:\d+)?", self.relay_control)), "RTP_CONTROL: IPv4 address:port")
        self._demand(
            urlsplit(self.redis_url).scheme in {"redis", "unix"}, "REDIS_URL: redis://host:port or unix:///path"
        )

    def _check_numbers(self) -> None:
        self._demand(0 < self.sip_port < 65536, "SIP_PORT: 1 to 65535")
        self._demand(0 <= self.tls_port < 65536, "SIP_TLS_PORT: 1 to 65535, or off")
        self._demand(self.tls_port != self.sip_port, "SIP_TLS_PORT: must differ from SIP_PORT")
        self._demand(self.tcp or not self.tls_port, "SIP_TLS_PORT: TLS needs TCP")
        self._demand(400 <= self.not_registered_code <= 699, "SIP_NOT_REGISTERED_CODE: 400 to 699")
        self._demand(1 <= self.min_expires <= self.default_expires <= self.max_expires, "expires: min ≤ default ≤ max")
        self._demand(self.keepalive_interval >= 30, "SIP_KEEPALIVE_INTERVAL: at least 30")
        for label, value in (
            ("SIP_NO_RESPONSE_TIMEOUT", self.no_response_timeout),
            ("SIP_NO_ANSWER_TIMEOUT", self.no_answer_timeout),
            ("SIP_DECISION_TIMEOUT", self.decision_timeout),
            ("MAX_CALL_SECONDS", self.max_call_seconds),
            ("SIP_MAX_CONTACTS", self.max_contacts),
            ("SIP_FLOOD_LIMIT", self.flood_limit),
            ("SIP_FLOOD_BLOCK_SECONDS", self.flood_block_seconds),
            ("workers", self.workers),
            ("queue size", self.queue_size),
            ("SIP_TCP_IDLE_SECONDS", self.tcp_idle_seconds),
            ("SIP_MAX_CONNECTIONS", self.max_connections),
            ("write interval", self.write_interval),
        ):
            self._demand(value > 0, f"{label}: must be above 0")
        self._demand(self.ping_interval >= 0, "SIP_PING_INTERVAL: 0 or more")


def redis_server(url: str) -> str:
    """Return a REDIS_URL in the form of ndb_redis's parameter `server`."""
    parts = urlsplit(url)
    where = f"unix={parts.path}" if parts.scheme == "unix" else f"addr={parts.hostname};port={parts.port or 6379}"
    password = f";pass={unquote(parts.password)}" if parts.password else ""
    return f"{where};db=0{password}"


def node_host(listen: list[str]) -> str:
    """Return the address from which a switch speaks to its peers: the first that is not loopback, as in a URI."""
    host = next((address for address in listen if address not in {"127.0.0.1", "::1"}), listen[0])
    return f"[{host}]" if ":" in host else host


def find_modules() -> Path:
    """Return the folder of Kamailio's modules."""
    for path in MODULE_PATHS:
        if (path / "evapi.so").exists():
            return path
    raise SettingsError("Kamailio's modules are missing: apt-get install kamailio kamailio-extra-modules")


def milliseconds(seconds: float) -> int:
    """Return whole milliseconds, tm's unit."""
    return int(seconds * 1000)


def substitutions(settings: SwitchSettings) -> dict[str, str | int]:
    """Return what each VB_ word of the static files stands for."""
    return {
        "TLS_CONFIG": str(settings.run_dir / "tls.cfg"),
        "TCP_IDLE_SECONDS": settings.tcp_idle_seconds,
        "TCP_KEPT_SECONDS": settings.max_expires + 60,
        "MAX_CONNECTIONS": settings.max_connections,
        "MODULE_PATH": f"{settings.module_path or find_modules()}/",
        "RUN_DIR": str(settings.run_dir),
        "RECORD_DIR": str(settings.record_dir),
        "STATE_DIR": str(settings.state_dir),
        "SWITCH": settings.name,
        "REALM": settings.realm,
        "STREAM": settings.stream,
        "REDIS_SERVER": redis_server(settings.redis_url),
        "EVAPI_LISTEN": settings.evapi_listen,
        "EVAPI_SECRET": settings.evapi_secret,
        "HOP_SECRET": settings.hop_secret,
        "NODE_SOCKET": f"udp:{node_host(settings.listen)}:{settings.sip_port}",
        "EVAPI_WORKERS": settings.workers,
        "RELAY_CONTROL": settings.relay_control,
        # No ICE candidate may lead around the relay; and once a side is known, nobody else may send in its name.
        "RELAY_FLAGS": "replace-origin replace-session-connection ICE=remove strict-source",
        "NO_RESPONSE_MS": milliseconds(settings.no_response_timeout),
        "NO_ANSWER_MS": milliseconds(settings.no_answer_timeout),
        "DECISION_MS": milliseconds(settings.decision_timeout),
        # A branch may still be ringing when its INVITE's life ends; keep the two well apart.
        "INVITE_LIFETIME_MS": milliseconds(settings.no_answer_timeout + settings.no_response_timeout + 60),
        "MAX_CALL_SECONDS": settings.max_call_seconds,
        "NOT_REGISTERED_CODE": settings.not_registered_code,
        "DIGEST_ALGORITHM": settings.digest_algorithm,
        # A HA1 nobody can match, drawn at each start, so that unknown users cost and look like wrong secrets.
        "FAKE_HA1": secrets.token_hex(32 if settings.digest_algorithm == "SHA-256" else 16),
        "DEFAULT_EXPIRES": settings.default_expires,
        "MIN_EXPIRES": settings.min_expires,
        "MAX_EXPIRES": settings.max_expires,
        "MAX_CONTACTS": settings.max_contacts,
        "PING_INTERVAL": settings.ping_interval,
        "KEEPALIVE_INTERVAL": settings.keepalive_interval,
        "USRLOC_INTERVAL": settings.write_interval,
        "START_SECONDS": START_SECONDS,
        "FLOOD_LIMIT": settings.flood_limit,
        "FLOOD_BLOCK_SECONDS": settings.flood_block_seconds,
        "TRACE_EXPIRE": settings.max_call_seconds + 120,
        "QUEUE_SIZE": settings.queue_size,
        # 2 KB for a queued event with its overhead, and room for calls, bindings and credentials.
        "SHARED_MEGABYTES": 256 + settings.queue_size * 2 // 1024 + settings.max_connections * TLS_KILOBYTES // 1024,
        # Anything but printable ASCII becomes "?": jansson refuses broken UTF-8, and an event must never be refused.
        "CLEAN": "/[^ -~]/?/g",
    }


def interface_name(index: int) -> str:
    """Return how switch and audio relay call the address at that place of SIP_LISTEN."""
    return f"a{index}"


def listens(settings: SwitchSettings) -> list[str]:
    """Return the `listen` lines: UDP, and TCP and TLS where asked for, on each address.

    A socket's name begins with the name of the audio relay's interface for that address (switch/relay.py).
    """
    ports = {"udp": settings.sip_port}
    if settings.tcp:
        ports["tcp"] = settings.sip_port
    if settings.tls_port:
        ports["tls"] = settings.tls_port
    lines = []
    for index, address in enumerate(settings.listen):
        host = f"[{address}]" if ipaddress.ip_address(address).version == 6 else address
        name = interface_name(index)
        lines += [f'listen={proto}:{host}:{port} name "{name}-{proto}"' for proto, port in ports.items()]
    return lines


def tls_lines(folder: Path, settings: SwitchSettings) -> list[str]:
    """Write the tls module's file, with a certificate where none is given, and return what switches TLS on."""
    if not settings.tls_port:
        return []
    names = [*settings.tls_names, *settings.listen]
    try:
        files = tls.prepare(folder, names, settings.tls_certificate, settings.tls_key)
    except tls.TlsError as error:
        raise SettingsError(str(error)) from error
    (settings.run_dir / "tls.cfg").write_text(tls.module_configuration(*files))
    return ["#!define WITH_TLS", "enable_tls=yes"]


def render(target_dir: Path, settings: SwitchSettings) -> Path:
    """Write local.cfg into target_dir and return its path; make the folders the switch writes to.

    Raise SettingsError naming every setting that cannot work. The file holds the password of Redis: mode 0600.
    """
    settings.check()
    for folder in (target_dir, settings.run_dir, settings.record_dir, settings.state_dir):
        folder.mkdir(parents=True, exist_ok=True)
    # Who called whom is nobody else's business, and the switch writes its files readable to all.
    settings.record_dir.chmod(0o700)
    lines = ["#!KAMAILIO", "# Rendered by switch/render.py at each start; edit the settings, not this file."]
    lines += [f'#!substdef "|VB_{word}|{value}|g"' for word, value in substitutions(settings).items()]
    if settings.relay_control:
        lines.append("#!define WITH_RELAY")
    lines += [
        f"children={settings.workers}",
        f"disable_tcp={'no' if settings.tcp else 'yes'}",
        "tcp_children=4",
        *tls_lines(target_dir / "tls", settings),
        *listens(settings),
        f'alias="{settings.realm}"',
        f'include_file "{HERE / "kamailio.cfg"}"',
        "",
    ]
    path = target_dir / "local.cfg"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write("\n".join(lines))
    return path
