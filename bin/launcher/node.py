"""One more switch or one more ingest worker beside an installation that runs already, here or on another machine.

A switch node is whole in itself: Kamailio, its own two deciders on loopback, and the process that reconciles its local
record. Nothing of what runs elsewhere is restarted or told; the other nodes find it in Redis (docs/cluster.md).
"""

import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import redis

from switch import relay

from . import health
from .addresses import listen, number, require_free_sip, sip_listen, tls_port
from .errors import StartError
from .folder import DataFolder
from .outside import environment_file
from .ports import remembered_port, require_free
from .product import AFTER_CALLS, ROOT, decider_program, ingest_command, relay_program, render_switch, switch_program
from .run import open_folder, start_relay, supervised, watch
from .say import say
from .services import wait_for
from .supervise import Program, Supervisor
from .watchdog import Watchdog

SHARED = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")
# What the first switch was started with and a further one must not take over.
OWN = (
    "SIP_LISTEN", "SIP_PORT", "SIP_TLS_PORT", "SIP_ADDRESS", "EVAPI_LISTEN", "SWITCH_NAME",
    "SWITCH_RECORD_DIR", "NODE_ADDRESS", "WEB_LISTEN", "RTP_RELAY", "RTP_CONTROL", "RTP_PORTS",
)  # fmt: skip
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
REGISTRY = "cluster:nodes"  # routing/decider/cluster.py


@dataclass(frozen=True)
class Node:
    """What a node's launcher has found out before anything starts."""

    name: str
    folder: DataFolder
    environment: dict[str, str]

    @property
    def database_url(self) -> str:
        """Return the portal's database."""
        return self.environment["DATABASE_URL"]


def prepare_node(home: DataFolder, name: str) -> Node:
    """Return a node that shares its servers with an installation; take its own data folder.

    Raises StartError where the installation cannot be found, does not answer, or has a node of that name.
    """
    if not NAME.fullmatch(name):
        raise StartError(f"--name {name}: up to 31 small letters, digits and hyphens, a letter first, such as sw2")
    shared = shared_environment(home)
    folder = DataFolder(home.root / "nodes" / name)
    open_folder(folder)
    require_answers(shared)
    environment = {
        **shared,
        **{key: value for key, value in os.environ.items() if value},
        **{key: shared[key] for key in SHARED},
        "VOIPBILLING_DATA": str(folder.root),
        "VOIPBILLING_RUN": str(folder.run),
        "DJANGO_SETTINGS_MODULE": "voipbilling.settings",
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "bin"))),
        "PYTHONUNBUFFERED": "1",
    }
    return Node(name, folder, environment)


def shared_environment(home: DataFolder) -> dict[str, str]:
    """Return what all nodes share: from our environment, else from the installation in this data folder."""
    given = {key: os.environ.get(key, "") for key in SHARED}
    if all(given.values()):
        return given
    if any(given.values()):
        missing = ", ".join(key for key, value in given.items() if not value)
        raise StartError(f"{missing} must be set, too: a node needs all of {', '.join(SHARED)} of its installation")
    try:
        product: dict[str, str] = json.loads(environment_file(home).read_text())
    except OSError as error:
        raise StartError(
            f"no installation runs with the data folder {home.root}: start bin/run first, or, on another machine, set "
            f"{', '.join(SHARED)} to those of the installation (docs/cluster.md)"
        ) from error
    return {key: value for key, value in product.items() if key not in OWN}


def require_answers(shared: Mapping[str, str]) -> None:
    """Raise StartError where the installation's servers cannot be reached, or hold no installation."""
    try:
        health.beating(shared["DATABASE_URL"], ())
    except psycopg2.Error as error:
        raise StartError(f"the installation's database does not answer: {str(error).strip()}") from error
    with redis.Redis.from_url(shared["REDIS_URL"], socket_timeout=3) as client:
        try:
            client.ping()
        except redis.RedisError as error:
            raise StartError(f"the installation's Redis does not answer: {error}") from error


def require_unused(node: Node, *names: str) -> None:
    """Raise StartError while another process gives signs of life under one of these names."""
    deadline = time.monotonic() + health.HEARTBEAT_SECONDS + 1
    # A node that was killed a moment ago still seems to live, and may come back at once.
    while taken := health.beating(node.database_url, names):
        if time.monotonic() > deadline:
            raise StartError(f"{', '.join(taken)} runs already: give this node another --name")
        time.sleep(0.2)


def run_switch_node(home: DataFolder, name: str) -> None:
    """Run a further switch with its deciders and the keeper of its record until a signal comes."""
    node = prepare_node(home, name)
    require_unused(node, name)
    addresses, port, tls = sip_listen(), number("SIP_PORT", 5060), tls_port()
    require_free_sip(addresses, port, tls)
    ports = node.folder.root / "ports.json"
    audio = relay.program() if relay.is_wanted(os.environ) else None
    node.environment.update(
        {
            "SWITCH_NAME": name,
            "SIP_LISTEN": ",".join(addresses),
            "SIP_PORT": str(port),
            "SIP_TLS_PORT": str(tls or "off"),
            "SIP_ADDRESS": os.environ.get("SIP_ADDRESS") or reachable(addresses),
            "EVAPI_LISTEN": decider_socket(ports),
            "RTP_RELAY": "on" if audio else "off",
            "RTP_CONTROL": os.environ.get("RTP_CONTROL") or f"127.0.0.1:{remembered_port(ports, 'relay')}",
        }
    )
    deciders = tuple(f"{name}-decider-{index}" for index in (1, 2))
    keeper = f"{name}-record"
    programs = [
        *([relay_program(node.environment, audio)] if audio else []),
        switch_program(node.folder.root / "switch"),
        *(decider_program(each) for each in deciders),
        Program(keeper, "portal", [sys.executable, "manage.py", "keep_record", "--name", keeper]),
    ]
    render_switch(node.folder.root / "switch", node.environment)
    ready: dict[str, Callable[[], bool]] = {
        "switch": lambda: health.switch_answers(addresses[0], port),
        deciders[0]: lambda: bool(health.beating(node.database_url, deciders, ready=True)),
    }
    where = f"it listens for SIP on port {port} of {', '.join(addresses)} (UDP and TCP)" + (
        f" and {tls} (TLS)" if tls else ""
    )
    run_node(node, programs, ready, f"switch {name} has joined: {where}", (name, *deciders, keeper))


def decider_socket(ports: Path) -> str:
    """Return where a further switch listens for its deciders; raise StartError where what is asked for is taken."""
    if os.environ.get("EVAPI_LISTEN"):
        host, port = listen("EVAPI_LISTEN", "127.0.0.1:8448")
        require_free("the switch's socket for deciders", "EVAPI_LISTEN", host, port)
        return f"{host}:{port}"
    # Its deciders are on this machine and nobody else asks for this port, so any will do.
    return f"127.0.0.1:{remembered_port(ports, 'evapi')}"


def run_worker_node(home: DataFolder, name: str) -> None:
    """Run a further ingest worker until a signal comes."""
    node = prepare_node(home, name)
    full = f"{name}@voipbilling"
    require_unused(node, full)
    programs = [Program("ingest", "portal", ingest_command(full), {"VOIPBILLING_INGEST": "1"}, niceness=AFTER_CALLS)]
    ready = {"ingest": lambda: bool(health.beating(node.database_url, (full,)))}
    run_node(node, programs, ready, f"worker {name} has joined: it takes in events beside the others", (full,))


def run_node(
    node: Node,
    programs: list[Program],
    ready: Mapping[str, Callable[[], bool]],
    announcement: str,
    heartbeats: tuple[str, ...],
) -> None:
    """Start a node's processes, say when it works, stay, and take its signs of life back when it leaves as asked."""
    supervisor = Supervisor(node.folder, programs)
    try:
        with supervised(supervisor, node.environment):
            if any(program.name == "relay" for program in programs):
                start_relay(supervisor, node.environment["RTP_CONTROL"])
            supervisor.launch(*(program.name for program in programs))
            for program, check in ready.items():
                wait_for(supervisor, program, check)
            print(announcement, flush=True)
            say(f"logs are in {node.folder.log}; Ctrl-C makes it leave")
            with watchdog(node, supervisor, programs, ready, heartbeats):
                watch(supervisor)
    finally:
        forget(node, heartbeats)


def watchdog(
    node: Node,
    supervisor: Supervisor,
    programs: list[Program],
    ready: Mapping[str, Callable[[], bool]],
    heartbeats: tuple[str, ...],
) -> Watchdog:
    """Return what looks after a node's processes; a worker node has one, whose heartbeat has the node's name."""
    beats = {program.name: program.name for program in programs if program.name in heartbeats}
    if len(programs) == 1:
        beats = {programs[0].name: heartbeats[0]}
    servers = {name: check for name, check in ready.items() if name == "switch"}
    return Watchdog(supervisor, node.database_url, beats=beats, servers=servers)


def forget(node: Node, heartbeats: tuple[str, ...]) -> None:
    """Remove what would show a node that left as a dead one; where the servers are away, it does show so."""
    try:
        connection = psycopg2.connect(node.database_url, connect_timeout=2)
        with connection, connection.cursor() as cursor:
            # A worker's further consumers have its name and a number (systemlog/threads.py).
            cursor.execute("DELETE FROM core_heartbeat WHERE split_part(name, ' ', 1) = ANY(%s)", [list(heartbeats)])
        connection.close()
        with redis.Redis.from_url(node.environment["REDIS_URL"], socket_timeout=2) as client:
            client.hdel(REGISTRY, node.name)
    except (psycopg2.Error, redis.RedisError) as error:
        say(f"voipbilling: {node.name} left, and could not say so: {str(error).strip()}")


def reachable(addresses: list[str]) -> str:
    """Return the address by which others reach this machine, of those it listens on."""
    return next((address for address in addresses if address not in {"127.0.0.1", "::1"}), addresses[0])
