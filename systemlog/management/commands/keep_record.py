"""Run the keeper of one switch node's local record, where no ingest worker can see its files."""

import logging
import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import close_old_connections, connection

from systemlog import reconcile, record_space
from systemlog.heartbeats import Pulse
from systemlog.intake import DATABASE_AWAY
from systemlog.switches import certificate

logger = logging.getLogger(__name__)

PASS_SECONDS = 2.0
TIDY_PASSES = 30
LONGEST_PAUSE = 10.0


class Command(BaseCommand):
    help = "Bring in what this machine's switch recorded and the event stream did not bring; rotate the record."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", default=f"{settings.SWITCH_NAME}-record", help="name of this process, unique")

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        pulse = Pulse(options["name"], "record", lambda: {"switch": settings.SWITCH_NAME, **record_space.details()})
        pause, passes = 0.0, 0
        while not stop.wait(pause):
            try:
                close_old_connections()
                pulse.beat()
                more = reconcile.reconcile()
                if passes % TIDY_PASSES == 0:
                    reconcile.tidy()
                    certificate.watch()
                    record_space.watch_record_space()
                passes += 1
                pause = 0.0 if more else PASS_SECONDS
            except DATABASE_AWAY as error:
                connection.close()
                pause = min(LONGEST_PAUSE, max(1.0, pause * 2))
                logger.error("database away, the record waits: %s", error)
