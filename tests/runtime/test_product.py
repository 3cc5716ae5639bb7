"""The whole product under one supervisor: everything is up, and comes back when it is killed."""

import http.client
import os
import re
import signal

import pytest
from supervisor.states import ProcessStates

from core.models import Heartbeat, User
from tests.stack import Stack, eventually

PROCESSES = {"postgres", "valkey", "relay", "switch", "decider-1", "decider-2", "web", "ingest", "general", "beat"}


def test_every_process_runs(stack: Stack) -> None:
    """One supervisor holds them all."""
    states = stack.supervisor.states()
    assert set(states) == PROCESSES
    assert {info["state"] for info in states.values()} == {ProcessStates.RUNNING}


def test_the_first_login_is_an_administrator(stack: Stack) -> None:
    """The password that the launcher printed opens the portal; nobody else can log in yet."""
    user = User.objects.get(username=stack.user)
    assert user.check_password(stack.password)
    assert user.is_administrator
    assert user.must_change_password or stack.password.startswith("chosen-")
    assert not (stack.folder.secrets / "first_login").exists()


def test_the_portal_serves_its_pages_and_static_files(stack: Stack) -> None:
    """A stranger is sent to the login page, which comes with style sheets that are there."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.web_port, timeout=10)

    def get(path: str) -> tuple[int, str, str]:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.headers.get("Location", ""), response.read().decode()

    status, login, _ = get("/settings/")
    assert status == http.client.FOUND
    status, _, page = get(login)
    assert status == http.client.OK
    sheets = re.findall(r'href="(/static/[^"]+\.css)"', page)
    assert sheets
    assert {get(sheet)[0] for sheet in sheets} == {http.client.OK}


def test_every_process_shows_its_heartbeat(stack: Stack) -> None:
    """A process that hangs falls silent on the page that lists them."""
    expected = {"decider-1", "decider-2", "ingest@voipbilling", "general@voipbilling", "beat", "sw1", "sw1-relay"}
    eventually(lambda: expected <= set(Heartbeat.objects.values_list("name", flat=True)), what="all have beaten")


@pytest.mark.parametrize("name", sorted(PROCESSES))
def test_a_killed_process_comes_back(stack: Stack, name: str) -> None:
    """Killed without warning, it works again within seconds, under another process id."""
    before = stack.supervisor.signal(name, signal.SIGKILL)
    eventually(lambda: stack.supervisor.pid(name) not in {0, before}, what=f"{name} is started again")
    stack.wait_ready(name)


def test_a_killed_switch_leaves_no_child_on_its_port(stack: Stack) -> None:
    """Kamailio's children survive their parent, and would answer beside the new one."""
    before = stack.supervisor.pid("switch")
    os.kill(before, signal.SIGKILL)  # the parent alone
    eventually(lambda: stack.supervisor.pid("switch") not in {0, before}, what="the switch is started again")
    stack.wait_ready("switch")
    eventually(lambda: not group_exists(before), what="the old switch's processes are gone")


def group_exists(group: int) -> bool:
    """Tell whether any process of that group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
