"""The live tail shows every entry once, though entries are committed out of the order of their ids."""

import random

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from systemlog import tail
from systemlog.models import LogEntry
from systemlog.tail import Cursor, new_entries, start_cursor


def entry(pk: int, message: str = "x", category: str = "call") -> LogEntry:
    return LogEntry(pk=pk, at=timezone.now(), category=category, severity="info", message=message)


@given(st.integers(0, 10**9), st.sets(st.integers(1, 20_000), max_size=200))
def test_a_cursor_survives_its_token(floor: int, offsets: set[int]) -> None:
    cursor = Cursor(floor, {floor + offset for offset in offsets})
    again = Cursor.decode(cursor.encode())
    assert again is not None
    assert (again.floor, again.known) == (cursor.floor, cursor.known)


@given(st.text(max_size=200))
def test_any_text_is_a_cursor_or_none(token: str) -> None:
    assert Cursor.decode(token) is None or isinstance(Cursor.decode(token), Cursor)


def test_a_cursors_token_is_bounded() -> None:
    cursor = Cursor(0, set(range(0, 100_000, 2)))
    assert len(cursor.encode()) < 6000


@pytest.mark.django_db
def test_entries_that_commit_late_are_not_missed() -> None:
    """Ids 1 to 300 appear in random order, a few at a time; each is shown exactly once."""
    shuffle = random.Random(7)
    ids = list(range(1, 301))
    shuffle.shuffle(ids)
    cursor: Cursor | None = start_cursor()
    shown: list[int] = []
    while ids:
        batch, ids = ids[:20], ids[20:]
        LogEntry.objects.bulk_create(entry(pk) for pk in batch)
        assert cursor is not None
        shown += [row.pk for row in new_entries(LogEntry.objects.all(), cursor)]
        cursor = Cursor.decode(cursor.encode())
    assert sorted(shown) == list(range(1, 301))


@pytest.mark.django_db
def test_a_filter_hides_and_later_entries_still_come() -> None:
    cursor = start_cursor()
    LogEntry.objects.bulk_create(entry(pk) for pk in range(1, 50))
    LogEntry.objects.bulk_create([entry(50, category="billing")])
    rows = LogEntry.objects.filter(category="billing")
    assert [row.pk for row in new_entries(rows, cursor)] == [50]
    assert new_entries(rows, cursor) == []


@pytest.mark.django_db
def test_what_the_page_showed_does_not_come_again() -> None:
    LogEntry.objects.bulk_create(entry(pk) for pk in range(1, 10))
    cursor = start_cursor()
    LogEntry.objects.bulk_create([entry(10)])
    cursor.advance([10], 0)  # Committed between the cursor and the page's rows.
    assert new_entries(LogEntry.objects.all(), cursor) == []


@pytest.mark.django_db
def test_a_burst_shows_its_newest_and_does_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = start_cursor()
    LogEntry.objects.bulk_create(entry(pk) for pk in range(1, 1001))
    first = new_entries(LogEntry.objects.all(), cursor)
    assert {row.pk for row in first} == set(range(901, 1001))
    assert new_entries(LogEntry.objects.all(), cursor) == []


@pytest.mark.django_db
def test_a_poll_reads_only_recent_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tail whose filter matches nothing for hours does not read more and more."""
    monkeypatch.setattr(tail, "LOOK_BACK", 100)
    cursor = start_cursor()
    for start in range(1, 2000, 500):
        LogEntry.objects.bulk_create(entry(pk) for pk in range(start, start + 500))
        new_entries(LogEntry.objects.filter(category="billing"), cursor)
    assert cursor.floor >= 1800
    connection.close_if_unusable_or_obsolete()
