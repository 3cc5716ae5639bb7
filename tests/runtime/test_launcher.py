"""The launcher from outside: what it refuses in one line, and that nothing outlives it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from launcher import child
from launcher.folder import DataFolder
from launcher.postgres import APP_DATABASE
from launcher.supervise import Supervisor

from tests.stack import ROOT, eventually

READY = "export REDIS_URL="


class Launcher:
    """`launcher services` in a process of its own: the servers, the supervisor and the guard, without the portal."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.folder = DataFolder(data)
        self.process: subprocess.Popen[str] | None = None
        self.addresses: dict[str, str] = {}

    def run(self, command: str = "services", **settings: str) -> subprocess.Popen[str]:
        """Start it with these settings and return the process."""
        environment = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "launcher", command, "--data", str(self.data), "--throwaway"],
            cwd=ROOT, env={**environment, "PYTHONPATH": str(ROOT / "bin"), **settings}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        return self.process

    def start(self, **settings: str) -> None:
        """Start it and return when both servers answer."""
        process = self.run(**settings)
        assert process.stdout is not None
        for line in process.stdout:
            name, _, value = line.removeprefix("export ").strip().partition("=")
            self.addresses[name] = value
            if line.startswith(READY):
                return
        raise AssertionError("the servers did not start")

    def refused(self, command: str = "services", **settings: str) -> str:
        """Return the line with which a start is refused."""
        process = self.run(command, **settings)
        output, messages = process.communicate(timeout=60)
        assert process.returncode == 1
        assert output == ""
        lines = messages.strip().splitlines()
        assert "Traceback" not in messages
        return lines[-1]

    def left(self) -> list[int]:
        """Return what runs with this data folder."""
        return child.marked(f"{self.data}:", prefix=True)

    def close(self) -> None:
        """End what a failed test has left."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        child.end(f"{self.data}:", prefix=True)


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Launcher]:
    """A launcher with an empty data folder."""
    launcher = Launcher(tmp_path / "data")
    yield launcher
    launcher.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(launcher: Launcher, number: signal.Signals) -> None:
    """Ctrl-C, a service manager and a closed terminal all mean the same."""
    launcher.start()
    assert launcher.process is not None
    launcher.process.send_signal(number)
    assert launcher.process.wait(60) == 0
    assert launcher.left() == []


def test_a_killed_supervisor_takes_all_with_it(launcher: Launcher) -> None:
    """The launcher ends what the supervisor left, and says so with its exit code."""
    launcher.start()
    assert launcher.process is not None
    os.kill(int((launcher.folder.run / "supervisord.pid").read_text()), signal.SIGKILL)
    assert launcher.process.wait(60) == 1
    assert launcher.left() == []


def test_a_killed_launcher_takes_all_with_it(launcher: Launcher) -> None:
    """The kernel tells the supervisor that its parent is gone."""
    launcher.start()
    assert launcher.process is not None
    launcher.process.kill()
    eventually(lambda: launcher.left() == [], what="nothing is left")


def test_killing_launcher_and_supervisor_at_once_leaves_nothing(launcher: Launcher) -> None:
    """The kernel tells every process that its parent is gone."""
    launcher.start()
    assert launcher.process is not None
    supervisor = int((launcher.folder.run / "supervisord.pid").read_text())
    launcher.process.kill()
    os.kill(supervisor, signal.SIGKILL)
    eventually(lambda: launcher.left() == [], what="nothing is left")


def test_data_and_secrets_outlive_a_restart(launcher: Launcher) -> None:
    """The second start finds the database, its password and its port as they were."""
    launcher.start()
    with psycopg2.connect(launcher.addresses["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (word text)")
    connection.close()
    before = dict(launcher.addresses)
    assert launcher.process is not None
    launcher.process.terminate()
    launcher.process.wait(60)
    launcher.start()
    assert launcher.addresses == before
    connection = psycopg2.connect(launcher.addresses["DATABASE_URL"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM kept")
    assert connection.info.dbname == APP_DATABASE
    connection.close()


def test_secrets_are_the_owners_alone(launcher: Launcher) -> None:
    """Nobody else on the machine reads a password, in a file or on a command line."""
    launcher.start()
    for path in launcher.folder.secrets.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    assert launcher.folder.root.stat().st_mode & 0o077 == 0
    words = [(launcher.folder.secrets / name).read_text().strip() for name in ("redis_password", "database_password")]
    for pid in launcher.left():
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        assert not any(word in command for word in words)


def test_the_database_is_closed_to_those_without_a_password(launcher: Launcher) -> None:
    """Any user of the machine reaches the loopback port."""
    launcher.start()
    port = psycopg2.extensions.parse_dsn(launcher.addresses["DATABASE_URL"])["port"]
    for user in ("postgres", "voipbilling"):
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(host="127.0.0.1", port=port, user=user, dbname="postgres", password="guess")


def test_a_second_launcher_on_the_same_data_is_refused(launcher: Launcher) -> None:
    """Two servers on one data folder would destroy it."""
    launcher.start()
    second = Launcher(launcher.data)
    assert "already runs" in second.refused()


def test_a_program_that_will_not_stay_up_is_named(launcher: Launcher) -> None:
    """Start-up ends with the reason, not with silence."""
    (launcher.data / "postgres").mkdir(parents=True)
    version = launcher.data / "postgres" / "PG_VERSION"
    version.write_text("18\n")
    line = launcher.refused()
    assert "postgres ends again and again" in line
    assert str(launcher.folder.log / "postgres.log") in line
    assert launcher.left() == []


def test_a_data_folder_of_another_version_is_refused(launcher: Launcher) -> None:
    """PostgreSQL does not read another major version's files."""
    (launcher.data / "postgres").mkdir(parents=True)
    (launcher.data / "postgres" / "PG_VERSION").write_text("17\n")
    assert "docs/operating.md" in launcher.refused()


@pytest.mark.parametrize(
    ("setting", "value", "kind"),
    [
        ("WEB_LISTEN", "127.0.0.1:{port}", socket.SOCK_STREAM),
        ("EVAPI_LISTEN", "127.0.0.1:{port}", socket.SOCK_STREAM),
        ("SIP_PORT", "{port}", socket.SOCK_DGRAM),
        ("SIP_PORT", "{port}", socket.SOCK_STREAM),
        ("POSTGRES_PORT", "{port}", socket.SOCK_STREAM),
        ("VALKEY_PORT", "{port}", socket.SOCK_STREAM),
    ],
)
def test_a_taken_port_is_named_with_its_setting(
    launcher: Launcher, setting: str, value: str, kind: socket.SocketKind
) -> None:
    """One line says which port is taken and which setting changes it; nothing is left running."""
    from launcher.ports import free_port

    settings = {
        "SIP_LISTEN": "127.0.0.1",
        "SIP_PORT": str(free_port()),
        "WEB_LISTEN": f"127.0.0.1:{free_port()}",
        "EVAPI_LISTEN": f"127.0.0.1:{free_port()}",
    }
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            holder.listen()
        port = holder.getsockname()[1]
        line = launcher.refused("run", **{**settings, setting: value.format(port=port)})
    assert f"port {port} on 127.0.0.1 is taken" in line
    assert setting in line
    assert launcher.left() == []


def test_an_address_of_another_machine_is_refused(launcher: Launcher) -> None:
    """TEST-NET-1 (RFC 5737) is never ours."""
    assert "no address of this machine" in launcher.refused("run", SIP_LISTEN="192.0.2.7", SIP_PORT="28123")


def test_a_data_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """The line names the folder and the setting."""
    (tmp_path / "file").touch()
    line = Launcher(tmp_path / "file" / "data").refused()
    assert "cannot write to the data folder" in line
    assert "VOIPBILLING_DATA" in line


def test_a_deep_checkout_has_short_sockets(tmp_path: Path) -> None:
    """A UNIX socket's path ends at 107 bytes."""
    deep = tmp_path / ("deep" * 40)
    launcher = Launcher(deep)
    launcher.start()
    try:
        assert len(str(launcher.folder.run)) < 80
        assert Supervisor(launcher.folder).answers()
    finally:
        assert launcher.process is not None
        launcher.process.terminate()
        launcher.process.wait(60)
        launcher.close()
