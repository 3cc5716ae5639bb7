"""A further node that cannot join says why, and what to do."""

import datetime as dt
import json
from pathlib import Path

import pytest
from django.utils import timezone
from launcher.errors import StartError
from launcher.folder import DataFolder
from launcher.node import SHARED, Node, prepare_node, require_unused, shared_environment
from launcher.outside import environment_file

from core.models import Heartbeat
from tests.stack import Stack


@pytest.fixture(autouse=True)
def _of_no_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SHARED:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def home(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


@pytest.mark.parametrize("name", ["Sw2", "2sw", "sw 2", "sw/2", "", "s" * 32])
def test_a_name_that_cannot_be_one_is_refused(home: DataFolder, name: str) -> None:
    with pytest.raises(StartError, match="small letters, digits and hyphens"):
        prepare_node(home, name)
    assert not (home.root / "nodes").exists()


def test_without_an_installation_it_names_what_to_set(home: DataFolder) -> None:
    with pytest.raises(StartError, match="DATABASE_URL, REDIS_URL, SECRET_KEY"):
        prepare_node(home, "sw2")


def test_half_of_what_is_shared_is_refused(home: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://192.0.2.1")
    with pytest.raises(StartError, match="DATABASE_URL, SECRET_KEY must be set, too"):
        prepare_node(home, "sw2")


def test_what_is_the_first_switchs_own_is_not_taken_over(home: DataFolder) -> None:
    """Realm and timers are everybody's; addresses, ports and name are not."""
    home.prepare()
    product = dict.fromkeys(SHARED, "x") | {"SIP_REALM": "r", "SIP_LISTEN": "192.0.2.1", "SWITCH_NAME": "sw1"}
    environment_file(home).write_text(json.dumps(product))
    assert shared_environment(home) == dict.fromkeys(SHARED, "x") | {"SIP_REALM": "r"}


def test_servers_that_do_not_answer_are_named(home: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    monkeypatch.setenv("SECRET_KEY", "x")
    with pytest.raises(StartError, match="the installation's database does not answer"):
        prepare_node(home, "sw2")


def test_a_name_in_use_is_refused(stack: Stack) -> None:
    """Two switches of one name would tell each other's calls."""
    node = Node("sw9", DataFolder(stack.folder.root / "nodes" / "sw9"), {"DATABASE_URL": stack.database_url})
    now = timezone.now() + dt.timedelta(seconds=10)
    beat = Heartbeat.objects.create(name="sw9", kind="switch", beat_at=now, started_at=now)
    try:
        with pytest.raises(StartError, match="sw9 runs already"):
            require_unused(node, "sw9")
    finally:
        beat.delete()
    require_unused(node, "sw9")
