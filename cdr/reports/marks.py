"""Say that a day's calls or charges changed, in the transaction that changes them."""

import datetime as dt
from collections.abc import Iterable

from django.db import connection

# Each zone's offset from UTC is a multiple of it, so no quarter lies on two business days.
QUARTER = 900


def mark_changed(instants: Iterable[dt.datetime]) -> None:
    """Mark the quarters of an hour that hold these set-up times.

    One statement a batch, and rows that no other transaction waits for: the intake must not feel it.
    """
    quarters = sorted({int(instant.timestamp()) // QUARTER * QUARTER for instant in instants})
    if quarters:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO reports_mark (at) SELECT to_timestamp(unnest(%s::bigint[]))", [quarters])
