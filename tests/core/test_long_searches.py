"""A search of an endless list that finds few rows is cut short, says how far it came, and goes on from there."""

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from core import pagination
from core.patience import OutOfPatience, patience
from systemlog.models import LogEntry

pytestmark = pytest.mark.django_db
NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


@contextmanager
def _none(milliseconds: int) -> Iterator[None]:
    """No patience at all."""
    raise OutOfPatience
    yield


def entries(count: int, needles: set[int]) -> None:
    """Make log entries, several of the same instant, a few of them with a word to find."""
    LogEntry.objects.bulk_create(
        LogEntry(
            at=NOON + dt.timedelta(seconds=number // 3),
            category="call",
            severity="info",
            message=f"needle {number}." if number in needles else "hay",
        )
        for number in range(count)
    )


def walked(page: Client, first: str) -> list[str]:
    """Return what every page shows of the needles, from the newest to the end."""
    found, path, pages = [], first, 0
    while path:
        html = page.get(path).content.decode()
        found.append(sorted(set(re.findall(r"needle (\d+)\.", html))))
        older = re.search(r'href="([^"]*)" rel="next">(Search older|Older)', html)
        path = first.partition("?")[0] + unescape(older[1]) if older else ""
        pages += 1
        assert pages < 50
    return [" ".join(numbers) for numbers in found]


def test_a_search_without_an_index_finds_every_row_once_page_by_page(
    admin_page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries(100, {3, 4, 5, 60, 61, 99})
    monkeypatch.setattr(pagination, "WALK", 10)
    monkeypatch.setattr(pagination, "patience", _none)
    found = walked(admin_page, f"{reverse('syslog:logentry_list')}?q=needle")
    assert " ".join(found).split() == ["99", "60", "61", "3", "4", "5"]
    assert len(found) > 5, "it was one page"


def test_the_page_says_how_far_the_search_came(admin_page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    entries(100, {3})
    monkeypatch.setattr(pagination, "WALK", 10)
    monkeypatch.setattr(pagination, "patience", _none)
    html = admin_page.get(reverse("syslog:logentry_list"), {"q": "needle"}).content.decode()
    assert "searched back to" in html
    assert "Search older" in html


def test_a_quick_search_is_not_cut(admin_page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    entries(100, {3})
    monkeypatch.setattr(pagination, "WALK", 10)
    monkeypatch.setattr(pagination, "PATIENCE_MS", 20_000)  # However busy the machine of this test.
    html = admin_page.get(reverse("syslog:logentry_list"), {"q": "needle"}).content.decode()
    assert "needle 3." in html
    assert "searched back to" not in html


def test_patience_ends_a_slow_statement_and_no_other() -> None:
    with pytest.raises(OutOfPatience), patience(20), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(5)")
    with patience(20):
        assert not LogEntry.objects.filter(message="nothing").exists()
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone()[0] == "0"
