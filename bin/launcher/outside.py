"""Commands that a person runs beside the running product."""

import json
import os
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .errors import StartError
from .folder import DataFolder
from .postgres import binary
from .product import ROOT


def environment_file(folder: DataFolder) -> Path:
    """Return where the environment of the running product stands."""
    return folder.secrets / "environment.json"


def _environment(folder: DataFolder) -> dict[str, str]:
    try:
        product: dict[str, str] = json.loads(environment_file(folder).read_text())
    except OSError as error:
        raise StartError(f"nothing has run with the data folder {folder.root} yet: start bin/run first") from error
    # The terminal's own variables stay, the product's settings win.
    return {**os.environ, **product}


def manage(folder: DataFolder, arguments: list[str]) -> None:
    """Become `manage.py` with the environment of the product that uses this data folder."""
    environment = _environment(folder)
    os.chdir(ROOT)
    os.execve(sys.executable, [sys.executable, "manage.py", *arguments], environment)


def client(folder: DataFolder, arguments: list[str]) -> None:
    """Become one of PostgreSQL's own programs (psql, pg_dump, pg_restore), connected to the product's database."""
    if not arguments or "/" in arguments[0]:
        raise StartError("name a program of PostgreSQL: psql, pg_dump or pg_restore")
    environment = _environment(folder)
    parts = urlsplit(environment["DATABASE_URL"])
    environment |= {
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port or 5432),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": parts.path.lstrip("/"),
    }
    os.execve(binary(arguments[0]), arguments, environment)
