"""The switch's credentials are kept in step, in a real Kamailio's table."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from accounts.models import Account, Alias
from dids.models import DID
from routing.decider.credentials import DUMP_KEYS
from routing.decider.rpc import RpcError, SwitchRpc
from systemlog.models import LogEntry
from tests.inventory import a_user, an_alias
from tests.routing.operator import a_mapped_did
from tests.routing.processes import DeciderProcess, decider, eventually

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
KAMAILIO = shutil.which("kamailio", path="/usr/sbin:/usr/local/sbin:/usr/bin")

# Only what the table needs; tests/switch runs the switch's own configuration.
CONFIGURATION = """
debug=1
log_stderror=yes
children=1
disable_tcp=yes
listen=udp:127.0.0.1:{port}
loadmodule "jsonrpcs.so"
loadmodule "kex.so"
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "dialog.so"
loadmodule "htable.so"
modparam("jsonrpcs", "transport", 4)
modparam("jsonrpcs", "dgram_socket", "{folder}/rpc.sock")
modparam("htable", "htable", "cred=>size=14;")
modparam("htable", "htable", "counter=>size=4;initval=0;")
request_route {{ exit; }}
"""


class Switch:
    """A Kamailio with the table of credentials."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        (folder / "k.cfg").write_text(CONFIGURATION.format(folder=folder, port=port))
        self.rpc = SwitchRpc(folder / "rpc.sock", folder / "test.sock")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait for its answer."""
        assert KAMAILIO
        self.process = subprocess.Popen(
            [KAMAILIO, "-f", "k.cfg", "-DD", "-E", "-w", str(self.folder), "-Y", str(self.folder)],
            cwd=self.folder, stdout=subprocess.DEVNULL, stderr=(self.folder / "k.log").open("w"),
        )  # fmt: skip
        eventually(self.answers)

    def answers(self) -> bool:
        """Whether JSON-RPC works."""
        with suppress(OSError, RpcError):
            return bool(self.rpc.call("core.version"))
        return False

    def stop(self) -> None:
        """Stop it."""
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
        self.rpc.close()

    def ha1(self, name: str) -> str:
        """Return what the table holds."""
        with suppress(RpcError):
            return str(self.rpc.call("htable.get", "cred", name)["item"]["value"])
        return ""

    def count(self) -> int:
        """Return how many keys the table has."""
        tables = self.rpc.call("htable.stats")
        return next(int(table["all"]) for table in tables if table["name"] == "cred")

    def credentials_known(self) -> bool:
        """Return whether a decider has said that the table is whole."""
        with suppress(RpcError):
            return bool(self.rpc.call("htable.get", "counter", "credentials_known")["item"]["value"])
        return False


@pytest.fixture
def switch(tmp_path_factory: pytest.TempPathFactory, free_udp_port: int) -> Iterator[Switch]:
    if not KAMAILIO:
        pytest.skip("kamailio is not installed")
    running = Switch(tmp_path_factory.mktemp("k"), free_udp_port)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def did() -> DID:
    return a_mapped_did()


@pytest.fixture
def running(did: DID, switch: Switch, tmp_path: Path) -> Iterator[DeciderProcess]:
    with decider("decider-1", tmp_path, rpc=switch.folder) as process:
        yield process.ready()


def notes() -> list[str]:
    return list(LogEntry.objects.filter(category="switch").values_list("message", flat=True))


def test_an_empty_table_is_filled_and_every_change_follows(did: DID, switch: Switch, running: DeciderProcess) -> None:
    alias = did.alias
    assert alias is not None
    eventually(lambda: switch.ha1("desk-101") == alias.ha1_md5)
    eventually(switch.credentials_known)
    other = an_alias(a_user(), Account.objects.get(), "desk-102")
    eventually(lambda: switch.ha1("desk-102") == other.ha1_md5)
    Alias.objects.filter(pk=other.pk).update(username="desk-103", ha1_md5="0" * 32)
    eventually(lambda: (switch.ha1("desk-102"), switch.ha1("desk-103")) == ("", "0" * 32))
    Alias.objects.filter(pk=other.pk).update(enabled=False)
    eventually(lambda: switch.ha1("desk-103") == "")
    Alias.objects.filter(pk=other.pk).update(enabled=True)
    eventually(lambda: switch.ha1("desk-103") == "0" * 32)
    Alias.objects.filter(pk=other.pk).delete()
    eventually(lambda: switch.ha1("desk-103") == "")
    eventually(lambda: "Switch sw1 was given 1 credentials by decider-1" in notes())


def test_drift_is_put_right_and_told(did: DID, switch: Switch, running: DeciderProcess) -> None:
    an_alias(a_user(), Account.objects.get(), "desk-102")
    eventually(lambda: switch.count() == 2)
    switch.rpc.call("htable.sets", "cred", "stranger", "1" * 32)
    switch.rpc.call("htable.sets", "cred", "desk-101", "2" * 32)
    switch.rpc.call("htable.delete", "cred", "desk-102")
    # A new connection is what a restarted switch looks like.
    assert running.switch.connection is not None
    running.switch.connection.close()
    running.switch.accept()
    alias = did.alias
    assert alias is not None
    eventually(lambda: switch.ha1("desk-101") == alias.ha1_md5 and switch.count() == 2)
    assert switch.ha1("stranger") == ""
    words = "put right by decider-1: 1 missing, 1 wrong, 1 too many"
    eventually(lambda: any(words in note for note in notes()))


def test_a_switch_that_restarts_gets_all_of_it_again(did: DID, switch: Switch, running: DeciderProcess) -> None:
    eventually(lambda: switch.count() == 1)
    switch.stop()
    switch.start()
    assert switch.count() == 0
    assert running.switch.connection is not None
    running.switch.connection.close()
    running.switch.accept()
    eventually(lambda: switch.count() == 1)


def test_a_change_while_the_switch_is_away_arrives_when_it_is_back(
    did: DID, switch: Switch, running: DeciderProcess
) -> None:
    eventually(lambda: switch.count() == 1)
    switch.stop()
    an_alias(a_user(), Account.objects.get(), "desk-102")
    time.sleep(0.5)
    switch.start()
    eventually(lambda: switch.count() == 2)


def test_more_credentials_than_one_answer_holds_are_compared_key_by_key(
    did: DID, switch: Switch, running: DeciderProcess
) -> None:
    account = Account.objects.get()
    Alias.objects.bulk_create(
        Alias(account=account, username=f"bulk-{n:04d}", ha1_md5=f"{n:032x}") for n in range(DUMP_KEYS + 100)
    )
    eventually(lambda: switch.count() == DUMP_KEYS + 101)
    gone = Alias.objects.filter(username="bulk-0007")
    gone.delete()
    eventually(lambda: switch.ha1("bulk-0007") == "")
    switch.rpc.call("htable.sets", "cred", "bulk-0007", "3" * 32)
    switch.rpc.call("htable.sets", "cred", "bulk-0008", "4" * 32)
    assert running.switch.connection is not None
    running.switch.connection.close()
    running.switch.accept()
    eventually(lambda: switch.ha1("bulk-0007") == "" and switch.ha1("bulk-0008") == f"{8:032x}")
