"""Run one decider: the process that tells a switch whether an inbound call may come in."""

import gc
import os
import sys
from argparse import ArgumentParser
from typing import Any

import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand

from routing.decider.database import connection_parameters
from routing.decider.service import Decider, DeciderSettings
from routing.policy import current_policy
from switch import relay
from switch.environment import evapi_secret

# A thread that loads or saves a configuration must not hold up an answer for long.
SWITCH_INTERVAL = 0.0005
# What a decision leaves behind holds hardly any cycles: looking for them took a fifth of a busy decider's time.
COLLECTED_AFTER = (10_000, 20, 50)


class Command(BaseCommand):
    help = "Answer a switch's question whether an inbound call may come in, from the configuration in memory."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", default="decider-1", help="name of this process, unique (default: decider-1)")
        parser.add_argument("--evapi", default=settings.EVAPI_LISTEN, help="the switch's evapi socket, host:port")
        parser.add_argument("--switch", default=settings.SWITCH_NAME, help="name of the switch at that socket")

    def handle(self, *args: Any, **options: Any) -> None:
        sys.setswitchinterval(SWITCH_INTERVAL)
        gc.set_threshold(*COLLECTED_AFTER)
        configured = DeciderSettings(
            name=options["name"],
            switch=options["switch"],
            evapi=options["evapi"],
            evapi_secret=evapi_secret(os.environ),
            dsn=connection_parameters(),
            policy=current_policy(),
            data=settings.DATA_DIR / "deciders",
            run=settings.SWITCH_RPC_SOCKET.parent,
            rpc_socket=settings.SWITCH_RPC_SOCKET,
            redis_url=settings.EVENT_STREAM_URL,
            node_address=settings.NODE_ADDRESS,
            algorithm=settings.SIP_DIGEST_ALGORITHM,
            realm=settings.SIP_REALM,
            secret=settings.SECRET_KEY,
            relay_control=relay.control_address(os.environ) if relay.is_wanted(os.environ) else "",
        )

        async def serve() -> None:
            await Decider(configured).run()

        uvloop.run(serve())
