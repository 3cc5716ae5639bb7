"""Read a growing table once and wholly, though its rows commit out of the order of their ids.

Ids are drawn before a transaction commits, so "all above the last" would miss rows of a transaction that began earlier
and ends later. A row is read once no writing transaction older than its own still runs; what a race of the last instant
could still put below the position is looked for again, and told from what was read by its seen-event id.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, models, transaction
from django.db.models.expressions import RawSQL
from django.utils import timezone

from systemlog.intake import note_seen
from systemlog.models import ReadPosition

LOOK_BACK = 200
# Shorter than seen events are kept, or an old row would look new again.
LOOK_BACK_AGE = dt.timedelta(hours=1)
AT_ONCE = 2000
# age() compares transaction ids rightly over their wrap-around; a frozen row is older than any.
SETTLED = "age({table}.xmin) > age((pg_snapshot_xmin(pg_current_snapshot())::text::bigint %% 4294967296)::text::xid)"


@contextmanager
def new_rows(source: str, queryset: models.QuerySet[Any], at_field: str) -> Iterator[list[Any]]:
    """Lend the rows that were not lent before, oldest first, inside the transaction that notes them.

    What the caller writes commits with the position, or neither does. ``at_field`` is when a row was made.
    """
    with transaction.atomic():
        position, _ = ReadPosition.objects.select_for_update().get_or_create(source=source)
        table = connection.ops.quote_name(queryset.model._meta.db_table)
        settled = RawSQL(SETTLED.format(table=table), [], output_field=models.BooleanField())  # noqa: S611
        late = models.Q(pk__gt=position.offset - LOOK_BACK, **{f"{at_field}__gt": timezone.now() - LOOK_BACK_AGE})
        rows = list(
            queryset.filter(settled, models.Q(pk__gt=position.offset) | late).order_by("pk")[: AT_ONCE + LOOK_BACK]
        )
        fresh = note_seen(f"{source}:{row.pk}" for row in rows) if rows else set()
        yield [row for row in rows if f"{source}:{row.pk}" in fresh]
        if rows and rows[-1].pk > position.offset:
            position.offset = rows[-1].pk
            position.save()
