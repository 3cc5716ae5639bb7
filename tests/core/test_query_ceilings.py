"""No list page asks more queries than its committed ceiling, however many rows it shows."""

import csv
import io

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from core.views import ListView
from core.views.detail import TabMixin
from tests.core.addresses import all_addresses
from tests.core.object_ceilings import PAGES
from tests.core.query_ceilings import CEILINGS
from tests.core.test_access import WRITES


def list_pages() -> set[str]:
    """Return the names of all addresses that are lists."""
    return {
        address.name
        for address in all_addresses()
        if isinstance(view := getattr(address.view, "view_class", None), type) and issubclass(view, ListView)
    }


def test_every_list_page_has_a_ceiling_and_every_ceiling_a_page() -> None:
    assert list_pages() == set(CEILINGS)


def count_queries(page: Client, path: str) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert page.get(path).status_code == 200
    queries = [query["sql"] for query in captured.captured_queries]
    assert not [sql for sql in queries if sql.lstrip().upper().startswith(WRITES) and "django_session" not in sql]
    return queries


@pytest.mark.parametrize("name", sorted(CEILINGS))
def test_a_list_page_stays_below_its_ceiling(admin_page: Client, name: str) -> None:
    ceiling = CEILINGS[name]
    path = reverse(name, args=ceiling.fill(3))
    few = count_queries(admin_page, path)
    ceiling.fill(40)
    many = count_queries(admin_page, path)
    assert len(many) <= len(few), "\n".join(many)
    assert len(many) <= ceiling.queries, "\n".join(many)
    unbounded = [sql for sql in many if "COUNT(*)" in sql.upper() and " LIMIT " not in sql.upper()]
    assert not unbounded, unbounded


@pytest.mark.parametrize("name", sorted(CEILINGS))
def test_every_list_exports_what_it_shows_without_markup(admin_page: Client, name: str) -> None:
    path = reverse(name, args=CEILINGS[name].fill(3))
    response = admin_page.get(path, {"export": "csv"})
    assert response.status_code == 200
    rows = list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode())))  # type: ignore[attr-defined]
    assert len(rows) >= 4, "three rows and the head"
    assert len({len(row) for row in rows}) == 1
    assert not [cell for row in rows for cell in row if "<" in cell and ">" in cell]


def object_pages() -> set[str]:
    """Return the names of all tabs of objects that are no lists."""
    return {
        address.name
        for address in all_addresses()
        if isinstance(view := getattr(address.view, "view_class", None), type)
        and issubclass(view, TabMixin)
        and not issubclass(view, ListView)
        and "get" in address.methods
    }


def test_every_tab_of_an_object_has_a_ceiling_and_every_ceiling_a_tab() -> None:
    assert object_pages() == set(PAGES)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_tab_of_an_object_stays_below_its_ceiling(admin_page: Client, name: str) -> None:
    """However much there is to list on it."""
    ceiling = PAGES[name]
    path = reverse(name, args=ceiling.fill(3)) + ceiling.asking
    # The first look may load what a process keeps: the configuration in force.
    short = admin_page.get(path).content.decode()
    few = count_queries(admin_page, path)
    ceiling.fill(40)
    many = count_queries(admin_page, path)
    assert len(many) <= len(few), "\n".join(many)
    assert len(many) <= ceiling.queries, "\n".join(many)
    assert (admin_page.get(path).content.decode().count("</") >= short.count("</") + 5) == ceiling.lists
