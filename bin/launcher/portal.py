"""Bring database and static files up to date: `python -m launcher.portal`, one Django process at each start."""

import fcntl
import gc
import hashlib
import json
import secrets
import sys
from pathlib import Path

import django
from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection, transaction

from .folder import write_private

# Any number: it only has to differ from the locks that the product takes (PostgreSQL, advisory locks).
FIRST_LOGIN_LOCK = 7_060_001
# htmx's optional extensions import by bare names that only an import map resolves; no page uses them.
UNUSED_STATIC_FILES = ["django_htmx/ext/*", "ext/hx-*", "*.map"]


def first_login(note: Path) -> None:
    """Create the first administrator, with a generated password, where nobody can log in yet.

    Name and password go to the note, which the launcher removes once it has shown them: a start that fails in between
    must not lose the only way in.
    """
    user_model = apps.get_model(settings.AUTH_USER_MODEL)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [FIRST_LOGIN_LOCK])
        if user_model.objects.exists():
            return
        login = {"user": "admin", "password": secrets.token_urlsafe(12)}
        write_private(note, json.dumps(login) + "\n")
        user_model.objects.create_superuser(
            username=login["user"],
            email="",
            password=login["password"],
            role="administrator",
            # It stands in a terminal's or a journal's memory.
            must_change_password=True,
        )


def collect_static_files() -> None:
    """Copy static files to STATIC_ROOT, only when one of them or the code that names them has changed."""
    root = Path(settings.STATIC_ROOT)
    root.parent.mkdir(parents=True, exist_ok=True)
    with root.with_name(root.name + ".lock").open("w") as lock:
        # Test runs in one checkout share the folder.
        fcntl.flock(lock, fcntl.LOCK_EX)
        _collect_into(root)


def _collect_into(root: Path) -> None:
    stamp = root / ".fingerprint"
    digest = hashlib.sha256(repr((settings.STORAGES, django.VERSION)).encode())
    for finder in get_finders():
        for name, storage in finder.list(UNUSED_STATIC_FILES):
            found = Path(storage.path(name)).stat()
            digest.update(f"{name}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    call_command("collectstatic", interactive=False, verbosity=0, clear=True, ignore_patterns=UNUSED_STATIC_FILES)
    root.mkdir(parents=True, exist_ok=True)
    stamp.write_text(digest.hexdigest())


def main() -> None:
    """Migrate, collect, make the first login."""
    django.setup()
    # Migrations make thousands of classes anew; to look for garbage among them took a fifth of the time.
    gc.disable()
    call_command("migrate", interactive=False, verbosity=0)
    gc.enable()
    collect_static_files()
    # The demo makes logins of its own.
    if not settings.DEMO:
        first_login(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
