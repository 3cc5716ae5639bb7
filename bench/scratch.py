"""A database for one run of a benchmark on the server of DATABASE_URL, filled on request."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2.errors import InsufficientPrivilege
from psycopg2.extensions import cursor as Cursor

ROOT = Path(__file__).resolve().parents[1]


def add_options(parser: argparse.ArgumentParser, *, dids: int, cdrs: int) -> None:
    """Add the options that say how full the database is, and whether it stays for the next run."""
    parser.add_argument("--dids", type=int, default=dids, help="DIDs to fill the database with (%(default)s)")
    parser.add_argument("--cdrs", type=int, default=cdrs, help="CDRs to fill the database with (%(default)s)")
    parser.add_argument("--database", default="voipbilling_bench", help="its name on the server of DATABASE_URL")
    parser.add_argument("--keep", action="store_true", help="use that database as it is, and leave it in the end")


@contextmanager
def filled_database(options: argparse.Namespace, *, seen: bool = False) -> Iterator[None]:
    """Make, migrate and fill the database, set Django up for it, and drop it in the end unless it is kept."""
    url = os.environ["DATABASE_URL"]
    own = urlunsplit(urlsplit(url)._replace(path=f"/{options.database}"))
    server = psycopg2.connect(url)
    server.autocommit = True
    with server.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [options.database])
        there = options.keep and cursor.fetchone() is not None
        if not there:
            drop(cursor, options.database)
            cursor.execute(f'CREATE DATABASE "{options.database}"')
        try:
            environment = {**os.environ, "DATABASE_URL": own}
            subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
            set_up(own)
            if not there and options.cdrs:
                from bench.fill import Sizes, fill

                fill(Sizes(options.dids, options.cdrs), seen=seen)
            yield
        finally:
            if not options.keep:
                drop(cursor, options.database)
    server.close()


def drop(cursor: Cursor, database: str) -> None:
    """Drop a database with whoever is connected to it; a worker that vacuums it can only be waited for."""
    deadline = time.monotonic() + 60
    while True:
        try:
            cursor.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
            return
        except InsufficientPrivilege:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def set_up(url: str) -> None:
    """Set Django up for a database, without the chatter of its logs."""
    os.environ["DATABASE_URL"] = url
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voipbilling.settings")
    import django

    django.setup()
    import logging

    logging.disable(logging.WARNING)
