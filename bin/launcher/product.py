"""The whole product on one machine: its environment and its processes."""

import os
import shutil
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from switch import relay
from switch.environment import settings_from
from switch.render import SettingsError, render

from .addresses import listen, number, primary_address, require_free_sip, sip_listen, tls_port
from .errors import StartError
from .folder import DataFolder
from .ports import require_free
from .services import Services
from .supervise import Program

ROOT = Path(__file__).resolve().parents[2]
DECIDERS = ("decider-1", "decider-2")
# The names under which the Celery nodes write their heartbeats; without the host's name, because the ingest node finds
# what it left unfinished by its own name, also after the host was renamed.
NODES = {"ingest": "ingest@voipbilling", "general": "general@voipbilling"}
# A call is answered before it is written down, and before a page is served; what people wait for, before what they do
# not. A stream that fills while calls take the whole machine loses nothing.
AFTER_CALLS, AFTER_PEOPLE = 10, 15
# Root may put what a call waits for before all else on the machine; anybody else leaves it among equals.
CALLS = -10 if os.geteuid() == 0 else 0
QUIET = ["--without-gossip", "--without-mingle", "--loglevel", "INFO"]


class Product:
    """What runs, with which settings; nothing is started here."""

    def __init__(self, folder: DataFolder, services: Services, *, throwaway: bool = False) -> None:
        self.folder = folder
        self.services = services
        self.throwaway = throwaway
        self.web_host, self.web_port = listen("WEB_LISTEN", "127.0.0.1:8000")
        self.evapi_host, self.evapi_port = listen("EVAPI_LISTEN", "127.0.0.1:8448")
        self.sip_port = number("SIP_PORT", 5060)
        self.tls_port = tls_port()
        self.sip_listen = sip_listen()
        self.switch_folder = folder.root / "switch"
        self.has_switch = os.environ.get("SWITCH", "on") != "off"
        # Without its package the product runs as well; calls that need the relay then say so.
        self.relay_program = relay.program() if self.has_switch and relay.is_wanted(os.environ) else None

    def require_free_ports(self) -> None:
        """Raise StartError, naming the setting, for the first address that cannot be listened on."""
        require_free("the portal", "WEB_LISTEN", self.web_host, self.web_port)
        if self.has_switch:
            require_free_sip(self.sip_listen, self.sip_port, self.tls_port)
            require_free("the switch's socket for deciders", "EVAPI_LISTEN", self.evapi_host, self.evapi_port)
        if self.relay_program:
            host, port = listen("RTP_CONTROL", relay.DEFAULT_CONTROL)
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                require_free("the audio relay's control socket", "RTP_CONTROL", host, port, kind)

    @property
    def web_url(self) -> str:
        """Return the portal's address as one would type it on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.web_host, self.web_host)
        host = f"[{host}]" if ":" in host and not host.startswith("[") else host
        return f"http://{host}:{self.web_port}/"

    @property
    def open_to_network(self) -> bool:
        """Tell whether other machines reach the portal."""
        return self.web_host not in {"127.0.0.1", "::1", "localhost"}

    def environment(self) -> dict[str, str]:
        """Return the environment of every process."""
        sip_address = next((a for a in self.sip_listen if a not in {"127.0.0.1", "::1"}), self.sip_listen[0])
        defaults = {
            "SECRET_KEY": self.folder.secret("secret_key"),
            "SIP_ADDRESS": sip_address,
            "ALLOWED_HOSTS": ",".join(self._host_names()),
            # Not in the checkout: a test run beside this one must not change the files it serves.
            "STATIC_ROOT": str((ROOT if self.throwaway else self.folder.root) / "staticfiles"),
        }
        return {
            **defaults,
            **{name: value for name, value in os.environ.items() if value or name not in defaults},
            **self.services.environment(),
            "VOIPBILLING_DATA": str(self.folder.root),
            "VOIPBILLING_RUN": str(self.folder.run),
            "SIP_LISTEN": ",".join(self.sip_listen),
            "SIP_PORT": str(self.sip_port),
            "SIP_TLS_PORT": str(self.tls_port or "off"),
            "EVAPI_LISTEN": f"{self.evapi_host}:{self.evapi_port}",
            "RTP_RELAY": "on" if self.relay_program else "off",
            "RTP_CONTROL": os.environ.get("RTP_CONTROL") or relay.DEFAULT_CONTROL,
            "DJANGO_SETTINGS_MODULE": "voipbilling.settings",
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "bin"))),
            "PYTHONUNBUFFERED": "1",
        }

    def _host_names(self) -> list[str]:
        """Return the names under which browsers may address the portal (Django's ALLOWED_HOSTS)."""
        names = ["localhost", "127.0.0.1", "[::1]"]
        if self.web_host in {"0.0.0.0", "::"}:
            names += [socket.gethostname(), socket.getfqdn()]
            names += [a for f in (socket.AF_INET, socket.AF_INET6) if (a := primary_address(f))]
        else:
            names.append(self.web_host)
        return list(dict.fromkeys(f"[{name}]" if ":" in name and "[" not in name else name for name in names))

    def programs(self) -> list[Program]:
        """Return every supervised process, in the order of their start."""
        switch = self._switch() if self.has_switch else []
        return [*self.services.programs(), *self.relay_programs(), *switch, *self._portal()]

    def relay_programs(self) -> list[Program]:
        """Return the audio relay, where there is one; it must answer before the switch starts."""
        return [relay_program(self.environment(), self.relay_program)] if self.relay_program else []

    def _portal(self) -> list[Program]:
        python = sys.executable
        celery = [python, "-m", "celery", "-A", "voipbilling"]
        # The consumer of the switch's events is a node of its own: an import that hogs a worker delays no CDR.
        ingest = ingest_command(NODES["ingest"])
        general = [*celery, "worker", "--pool", "threads", "-n", NODES["general"], "-Q", "celery", "--concurrency", "2"]
        deciders = [decider_program(name) for name in DECIDERS if self.has_switch]
        workers = "1" if self.throwaway else os.environ.get("WEB_WORKERS", "2")
        web = [
            python, "-m", "granian", "--interface", "wsgi", "voipbilling.wsgi:application",
            "--host", self.web_host, "--port", str(self.web_port), "--no-ws",
            "--workers", workers, "--blocking-threads", os.environ.get("WEB_THREADS", "8"),
            "--workers-kill-timeout", "5", "--respawn-failed-workers",
        ]  # fmt: skip
        return [
            *deciders,
            Program("web", "portal", web, niceness=AFTER_CALLS),
            Program("ingest", "portal", ingest, {"VOIPBILLING_INGEST": "1"}, niceness=AFTER_CALLS),
            Program("general", "portal", [*general, *QUIET], niceness=AFTER_PEOPLE),
            Program("beat", "portal", [*celery, "beat", "--schedule", str(self.folder.root / "celerybeat-schedule")]),
        ]

    def write_switch_configuration(self) -> None:
        """Render the switch's configuration."""
        render_switch(self.switch_folder, self.environment())

    def _switch(self) -> list[Program]:
        return [switch_program(self.switch_folder)]


def render_switch(target: Path, environment: Mapping[str, str]) -> None:
    """Write a switch's configuration for these settings; raise StartError naming those that cannot work."""
    try:
        render(target, settings_from(environment))
    except SettingsError as error:
        raise StartError(str(error)) from error


def relay_program(environment: Mapping[str, str], executable: str) -> Program:
    """Return the supervised audio relay of a switch with this environment."""
    try:
        settings = relay.settings_from(environment)
    except SettingsError as error:
        raise StartError(str(error)) from error
    return Program("relay", "switch", relay.command(settings, executable), stop_seconds=5, niceness=CALLS)


def decider_program(name: str) -> Program:
    """Return a supervised decider."""
    command = [sys.executable, "manage.py", "decider", "--name", name]
    return Program(name, "portal", command, stop_seconds=5, niceness=CALLS)


def switch_program(switch_folder: Path) -> Program:
    """Return the supervised keeper, with Kamailio, of a rendered configuration."""
    if not shutil.which("kamailio", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"):
        raise StartError(
            "kamailio is missing: apt-get install kamailio, or set SWITCH=off to run the portal without the switch"
        )
    command = [sys.executable, "-m", "switch.keeper", *_preloading(switch_folder / "tls")]
    return Program("switch", "switch", command, stop_seconds=15, niceness=CALLS)


def _preloading(folder: Path) -> list[str]:
    """Return what starts the switch with the guard that its TLS needs; for it alone, so not by the environment."""
    from switch import tls

    if not tls_port():
        return []
    try:
        return ["/usr/bin/env", f"LD_PRELOAD={tls.build_guard(folder)}"]
    except tls.TlsError as error:
        raise StartError(str(error)) from error


def ingest_command(name: str) -> list[str]:
    """Return the command line of a Celery node that takes in the switches' events, under that name."""
    worker = [sys.executable, "-m", "celery", "-A", "voipbilling", "worker", "--pool", "threads"]
    return [*worker, "-n", name, "-Q", "ingest", "--concurrency", "1", *QUIET]
