"""What every test has: real servers, Django set up against them, and, where asked for, the whole running product."""

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import django
import hypothesis
import pytest
from pytest_django import DjangoDbBlocker, Settings

from tests.servers import TestServers

IN_CI = os.environ.get("CI") == "true"
RESULTS = Path(__file__).resolve().parents[1] / "test-results"
# Names the file in which workers tell the controller which test belongs to which group.
GROUPS = "VOIPBILLING_TEST_GROUPS"

# At import, because conftest files below this one may import models.
SERVERS = TestServers()
os.environ["DJANGO_SETTINGS_MODULE"] = "voipbilling.settings"
# Playwright's synchronous API runs an event loop in this thread, and Django would then refuse the ORM.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
django.setup()

from django.db import connections  # noqa: E402

# Django keeps a connection per thread and event loop. The loop that Playwright starts in this thread would thus part
# every later test from the connection that knows what the migrations made.
connections._connections = threading.local()

from tests.stack import Stack  # noqa: E402

pytest_plugins = ["tests.cast", "tests.faults.report"]

# As hypothesis does by itself in CI: on a machine that is busy, how long an example takes says nothing about the code.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what asks for the long rows of the kill matrix."""
    group = parser.getgroup("voipbilling")
    group.addoption("--faults", action="store_true", help="run the whole kill matrix, and nothing else")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start the servers, once for all workers."""
    if not config.option.collectonly:
        SERVERS.start()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Let workers inherit all but the settings' name.

    With it, pytest-django would read the settings there before this file has given the worker its own Redis databases.
    """
    del os.environ["DJANGO_SETTINGS_MODULE"]
    os.environ[GROUPS] = tempfile.mkstemp(prefix="voipbilling-test-groups-")[1]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give all tests of a group to one worker, largest group first.

    pytest-xdist would: it renames the tests of a group, which pytest 9.2 ignores in silence. Two products then run at
    once, and two demos.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Grouped(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            self.groups = getattr(self, "groups", None) or json.loads(Path(os.environ[GROUPS]).read_text())
            return self.groups.get(nodeid, nodeid)

    return Grouped(config, log) if config.getoption("dist") == "loadgroup" else None


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop them."""
    SERVERS.stop()
    if GROUPS in os.environ and "PYTEST_XDIST_WORKER" not in os.environ:
        Path(os.environ.pop(GROUPS)).unlink(missing_ok=True)


def select_faults(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the kill matrix, but for its short form, out of an ordinary run, and everything else out of its own."""
    whole_matrix = config.getoption("--faults")
    markers = {item: item.get_closest_marker("faults") for item in items}
    wanted = [
        item
        for item, marker in markers.items()
        if whole_matrix == (marker is not None and not marker.kwargs.get("short"))
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(wanted)])
    items[:] = wanted


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, None, None]:
    """Keep all tests of the running product in one worker of pytest-xdist, so that one product serves them all.

    Every test that commits begins with what the migrations made ("free inbound"): Django restores it for all such
    tests or for none, since a flush without it recreates rows that the restoring would then meet.
    """
    select_faults(config, items)
    for item in items:
        marker = item.get_closest_marker("django_db")
        commits = {"transactional_db", "live_server"} & set(getattr(item, "fixturenames", ()))
        if commits or (marker and marker.kwargs.get("transaction")):
            values = (marker.kwargs if marker else {}) | {"transaction": True, "serialized_rollback": True}
            item.add_marker(pytest.mark.django_db(**values), append=False)
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.stack)
            item.add_marker(pytest.mark.xdist_group("stack"))
            # The first of them also waits for the whole product to start.
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(300))
    # A wrapper, because pytest-xdist, which reads the groups, asks to come first, too.
    yield
    if GROUPS in os.environ:
        # For the controller, which has no items; every worker writes the same.
        marks = {item.nodeid: item.get_closest_marker("xdist_group") for item in items}
        groups = {nodeid: mark.args[0] for nodeid, mark in marks.items() if mark}
        fresh = Path(f"{os.environ[GROUPS]}.{os.getpid()}")
        fresh.write_text(json.dumps(groups))
        fresh.replace(os.environ[GROUPS])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count a skip in CI as a failure: what cannot run there is not tested anywhere."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    if report.failed:
        item.session.stash[FAILED] = True
    return report


FAILED = pytest.StashKey[bool]()


@pytest.fixture(autouse=True)
def _fast_passwords(settings: Settings) -> None:
    """Hash passwords with one round: a login per test would else take most of the run."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """Serve pages without the manifest that collectstatic makes; tests with a browser run the real one."""
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


@pytest.fixture(scope="session")
def running_stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Start the whole product once per run. Tests ask for `stack`."""
    if not shutil.which("kamailio", path=f"{os.environ.get('PATH', '')}:/usr/sbin"):
        pytest.skip("kamailio is not installed")
    # What the kill matrix measures, it measures with the product's own timer.
    stack = Stack(**({"SIP_DECISION_TIMEOUT": "1"} if request.config.getoption("--faults") else {}))
    try:
        stack.start()
        yield stack
    finally:
        failed = request.session.stash.get(FAILED, True)
        stack.close(keep_logs_in=RESULTS / "stack" if failed else None)


@pytest.fixture
def stack(running_stack: Stack, django_db_blocker: DjangoDbBlocker, settings: Settings) -> Iterator[Stack]:
    """The running product; the ORM of the test reads and writes its database, and commits."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    with running_stack.as_default_database(django_db_blocker, settings):
        yield running_stack


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Run Debian's Chromium, quiet; as root it has no sandbox to start in."""
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("chromium is not installed")
    quiet = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return {**browser_type_launch_args, "executable_path": chromium, "args": [*sandbox, *quiet]}
