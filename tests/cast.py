"""The fixed cast of all tests: an administrator, an operator, a supporter, and a stranger, each with a browser."""

from typing import TYPE_CHECKING

import pytest
from django.test import Client

if TYPE_CHECKING:
    from core.models import User

PASSWORD = "correct horse 7"


def make_user(username: str, role: str) -> "User":
    """Create a user who can log in with PASSWORD."""
    from core.models import User

    user = User(username=username, role=role)
    user.set_password(PASSWORD)
    user.save()
    return user


def page_of(user: "User") -> Client:
    """Return a browser in which a user is logged in."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def administrator(db: None) -> "User":
    return make_user("ada", "administrator")


@pytest.fixture
def operator(db: None) -> "User":
    return make_user("olga", "operator")


@pytest.fixture
def support(db: None) -> "User":
    return make_user("sam", "support")


@pytest.fixture
def admin_page(administrator: "User") -> Client:
    return page_of(administrator)


@pytest.fixture
def operator_page(operator: "User") -> Client:
    return page_of(operator)


@pytest.fixture
def support_page(support: "User") -> Client:
    return page_of(support)


@pytest.fixture
def stranger_page(db: None) -> Client:
    return Client()


@pytest.fixture(scope="session", autouse=True)
def _access_log_of_the_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what test clients do out of the access log of the checkout's own data."""
    from systemlog.access import middleware, shipper
    from systemlog.access.spool import Spool

    middleware.spool = shipper.spool = Spool(tmp_path_factory.mktemp("access"))
