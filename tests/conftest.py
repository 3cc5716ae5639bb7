"""What every test has: real servers, and Django set up against them."""

import os

import django
import pytest
from pytest_django import Settings

from tests.servers import TestServers

# At import, because conftest files below this one may import models.
SERVERS = TestServers()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voipbilling.settings")
django.setup()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start the servers, once for all workers."""
    if not config.option.collectonly:
        SERVERS.start()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop them."""
    SERVERS.stop()


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
