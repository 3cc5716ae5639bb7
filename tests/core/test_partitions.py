"""Months of the partitioned tables: made ahead, and made late around rows that came before them."""

import datetime as dt
import uuid

import pytest
from django.db import connection

from cdr.models import CDR
from core.partitions import ensure_partitions, partitioned_tables
from systemlog.models import LogEntry

pytestmark = pytest.mark.django_db

LATER = dt.datetime(2031, 5, 17, 12, tzinfo=dt.UTC)


def partition_of(entry: LogEntry) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM syslog_logentry WHERE id = %s", [entry.pk])
        return str(cursor.fetchone()[0])


def test_months_are_made_around_rows_that_came_too_early() -> None:
    """A switch with a fast clock does not stop the making of months, and its rows move into theirs."""
    early = LogEntry.objects.create(at=LATER, category="switch", severity="info", message="from the future")
    assert partition_of(early) == "syslog_logentry_default"
    for _ in range(2):
        ensure_partitions(LATER - dt.timedelta(days=60))
        assert partition_of(early) == "syslog_logentry_2031_05"
    after = LogEntry.objects.create(at=LATER, category="switch", severity="info", message="of that month")
    assert partition_of(after) == "syslog_logentry_2031_05"


def test_every_partitioned_table_gets_its_months() -> None:
    ensure_partitions(LATER)
    tables = partitioned_tables()
    assert ("cdr_cdr", "started_at") in tables
    with connection.cursor() as cursor:
        for table, _ in tables:
            cursor.execute("SELECT to_regclass(%s)", [f"{table}_2031_08"])
            assert cursor.fetchone()[0] is not None


def test_new_months_leave_the_room_for_updates_that_the_table_wants() -> None:
    """Both ways to make a month: ahead, and around rows that wait in the default partition."""
    ensure_partitions(LATER)
    CDR.objects.create(attempt_id=uuid.uuid4(), started_at=LATER.replace(year=2032), switch="sw1")
    ensure_partitions(LATER.replace(year=2032))
    with connection.cursor() as cursor:
        for name in ("cdr_cdr_default", "cdr_cdr_2031_05", "cdr_cdr_2032_05"):
            cursor.execute("SELECT reloptions FROM pg_class WHERE oid = %s::regclass", [name])
            assert cursor.fetchone()[0] == ["fillfactor=70"], name
