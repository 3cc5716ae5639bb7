"""Start in order, watch, stop in order."""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from . import child, demo, health
from .errors import StartError
from .folder import DataFolder, write_private
from .guard import adopt_orphans, end_orphans
from .outside import environment_file
from .product import DECIDERS, NODES, ROOT, Product
from .say import say
from .services import Services, wait_for
from .signals import request, stopping
from .supervise import Supervisor, last_line
from .watchdog import Sign, Watchdog, redis_sign

NEXT_STEP = (
    "Next: log in, open Carriers, click “Add carrier”, and tick “Carrier is DID provider” on its tab Main "
    "(docs/guide.md leads on from there)."
)


def watch(supervisor: Supervisor) -> None:
    """Stay until a signal comes, and say which program ends again and again.

    Raises StartError when the supervisor was ended by somebody else.
    """
    assert supervisor.process is not None
    retry_at: dict[str, float] = {}
    while supervisor.process.poll() is None:
        request.check()
        for name in sorted(supervisor.gave_up()) if supervisor.answers() else []:
            if name not in retry_at:
                say(f"voipbilling: {supervisor.describe_failure(name)}; it is tried again every 30 s")
            if retry_at.setdefault(name, time.monotonic() + 30) < time.monotonic():
                retry_at[name] = time.monotonic() + 30
                supervisor.launch(name)
        end_orphans(keep=supervisor.process.pid)
        time.sleep(0.5)
    raise StartError("the supervisor was ended from outside; everything else was stopped")


def open_folder(folder: DataFolder) -> None:
    """Take the data folder for this launcher, and end what an earlier one was killed too fast to end."""
    folder.prepare()
    folder.lock()
    if left := child.end(f"{folder.root}:", prefix=True):
        say(f"ended {left} processes that an earlier run had left")


@contextmanager
def supervised(supervisor: Supervisor, environment: dict[str, str]) -> Iterator[None]:
    """Run the body beside a supervisor, and stop all of it afterwards, come what may."""
    adopt_orphans()
    try:
        supervisor.start(environment, ROOT)
        yield
    finally:
        with stopping():
            say("stopping")
            supervisor.stop()


def run_services(folder: DataFolder, *, throwaway: bool) -> None:
    """Run PostgreSQL and Valkey alone and print their addresses as shell exports."""
    open_folder(folder)
    services = Services(folder, throwaway=throwaway)
    services.initialise()
    supervisor = Supervisor(folder, services.programs())
    with supervised(supervisor, dict(os.environ)):
        services.start(supervisor)
        for name, value in services.environment().items():
            print(f"export {name}={shlex.quote(value)}", flush=True)
        watch(supervisor)


def run_product(folder: DataFolder, *, throwaway: bool, demo_wanted: bool = False) -> None:
    """Run everything; print the portal's address, and the first login where one was made, or the demo's logins."""
    open_folder(folder)
    if demo_wanted:
        demo.claim(folder)
        demo.settle(os.environ)
    else:
        demo.refuse(folder)
    services = Services(folder, throwaway=throwaway)
    product = Product(folder, services, throwaway=throwaway)
    product.require_free_ports()
    programs = [*product.programs(), *([demo.program()] if demo_wanted else [])]
    services.initialise()
    environment = product.environment()
    supervisor = Supervisor(folder, programs)
    write_private(environment_file(folder), json.dumps(environment, indent=1) + "\n")
    maker = demo.maker(folder, environment) if demo_wanted else nullcontext(dict[str, str])
    with supervised(supervisor, environment), maker as make_demo:
        say("starting the database and the event stream")
        services.start(supervisor)
        say("bringing the database and the static files up to date")
        prepare_portal(folder, environment)
        if product.has_switch:
            say("writing the switch's configuration")
            product.write_switch_configuration()
        if demo_wanted:
            say("entering the demo's operator: providers, numbers, clients, phones")
        logins = make_demo()
        say("starting " + ", ".join(p.name for p in programs if p.group != "services"))
        if product.relay_program:
            start_relay(supervisor, environment["RTP_CONTROL"])
        supervisor.launch(*(program.name for program in programs))
        wait_until_ready(supervisor, product)
        if demo_wanted:
            say("registering the demo's phones and telling of its last day; the days before follow in the background")
            database_url = environment["DATABASE_URL"]
            wait_for(supervisor, demo.PROGRAM, lambda: bool(health.beating(database_url, (demo.PROGRAM,))), 180.0)
        announce(product, logins)
        with watchdog(supervisor, product):
            watch(supervisor)


def watchdog(supervisor: Supervisor, product: Product) -> Watchdog:
    """Return what looks after the processes of the product."""
    environment = product.environment()
    servers: dict[str, Callable[[], Sign]] = {}
    if product.services.valkey:
        servers["valkey"] = lambda: redis_sign(environment["REDIS_URL"])
    if product.has_switch:
        servers["switch"] = lambda: health.switch_answers(product.sip_listen[0], product.sip_port, 3.0)
    if product.relay_program:
        servers["relay"] = lambda: health.relay_answers(environment["RTP_CONTROL"])
    deciders = {name: name for name in DECIDERS} if product.has_switch else {}
    return Watchdog(
        supervisor,
        environment["DATABASE_URL"],
        beats={**deciders, **NODES, "beat": "beat"},
        probes={"web": lambda: health.web_answers(product.web_url)},
        servers=servers,
    )


def start_relay(supervisor: Supervisor, control: str) -> None:
    """Start the audio relay and return when it answers: a switch that starts without it asks it some seconds later."""
    supervisor.launch("relay")
    wait_for(supervisor, "relay", lambda: health.relay_answers(control))


def prepare_portal(folder: DataFolder, environment: dict[str, str]) -> None:
    """Migrate, collect static files, make the first login; the chatter goes to a log of its own."""
    log = folder.log / "prepare.log"
    with log.open("w") as chatter:
        result = subprocess.run(
            [sys.executable, "-m", "launcher.portal", str(first_login_note(folder))],
            cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=chatter, stderr=chatter, check=False,
        )  # fmt: skip
    if result.returncode != 0:
        raise StartError(f"preparing the database failed: {last_line(log)} (all of it: {log})")


def first_login_note(folder: DataFolder) -> Path:
    """Return where the first login waits until it has been shown."""
    return folder.secrets / "first_login"


def wait_until_ready(supervisor: Supervisor, product: Product, patience: float = 90.0) -> None:
    """Return once portal, switch and a decider really answer; raise StartError when one will not."""
    database_url = product.services.environment()["DATABASE_URL"]
    checks: dict[str, Callable[[], bool]] = {"web": lambda: health.web_answers(product.web_url)}
    if product.has_switch:
        checks["switch"] = lambda: health.switch_answers(product.sip_listen[0], product.sip_port)
        checks[DECIDERS[0]] = lambda: bool(health.beating(database_url, DECIDERS, ready=True))
    checks["ingest"] = lambda: bool(health.beating(database_url, (NODES["ingest"],)))
    for name, ready in checks.items():
        wait_for(supervisor, name, ready, patience)


def announce(product: Product, demo_logins: dict[str, str]) -> None:
    """Tell a person where to go: the address is the only one on standard output."""
    print(f"voipbilling is ready: {product.web_url}", flush=True)
    if demo_logins:
        demo.announce(demo_logins)
    else:
        show_first_login(product.folder)
        print(NEXT_STEP, flush=True)
    if product.has_switch:
        ports = f"port {product.sip_port} (UDP and TCP)"
        ports += f" and {product.tls_port} (TLS)" if product.tls_port else "; TLS is off"
        say(f"the switch listens for SIP on {', '.join(product.sip_listen)}, {ports}")
        if not product.relay_program:
            say("the audio relay does not run: phones behind NAT may stay silent (docs/operating.md, RTP_RELAY)")
    else:
        say("the switch does not run: calls are neither answered nor recorded")
    if not product.open_to_network:
        say("the portal answers this machine only; WEB_LISTEN=0.0.0.0:8000 bin/run opens it to the network")
    say(f"logs are in {product.folder.log}; Ctrl-C stops everything")


def show_first_login(folder: DataFolder) -> None:
    """Print the first login, if one was made and not shown yet, and forget it."""
    note = first_login_note(folder)
    if note.exists():
        login = json.loads(note.read_text())
        print(f"First login, shown this once: user {login['user']}, password {login['password']}", flush=True)
        note.unlink()


def run_prepare(folder: DataFolder) -> None:
    """Prepare servers that others run (docker-compose.yml): migrations, first login."""
    for name in ("DATABASE_URL", "SECRET_KEY"):
        if not os.environ.get(name):
            raise StartError(f"{name} must be set")
    folder.prepare()
    prepare_portal(folder, dict(os.environ))
    show_first_login(folder)
