"""Read a growing table once and wholly, though its rows commit out of the order of their ids.

Ids are drawn before a transaction commits, so "all above the last" would miss rows of a transaction that began earlier
and ends later. A row is read once no writing transaction older than its own still runs; what a race of the last instant
could still put below the position is looked for again, and told from what was read by its seen-event id.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import connection, models, transaction
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from systemlog.intake import note_seen
from systemlog.models import ReadPosition, SeenEvent

LOOK_BACK = 200
# Shorter than seen events are kept, or an old row would look new again.
LOOK_BACK_AGE = dt.timedelta(hours=1)
AT_ONCE = 2000
# age() compares transaction ids rightly over their wrap-around; a frozen row is older than any.
SETTLED = "age({table}.xmin) > age((pg_snapshot_xmin(pg_current_snapshot())::text::bigint %% 4294967296)::text::xid)"


class Source(NamedTuple):
    """A table that is followed under a name; ``at_field`` is when a row was made."""

    name: str
    rows: models.QuerySet[Any]
    at_field: str

    def unread(self, offset: int) -> models.Q:
        """Return what chooses the rows above a position, and those that may have come late below it."""
        late = {"pk__gt": offset - LOOK_BACK, f"{self.at_field}__gt": timezone.now() - LOOK_BACK_AGE}
        return models.Q(pk__gt=offset) | models.Q(**late)


def waiting(sources: Iterable[Source]) -> set[str]:
    """Return the names of those sources that may hold new rows: one question, where nothing changes mostly."""
    offsets = dict(ReadPosition.objects.values_list("source", "offset"))
    found = []
    for source in sources:
        own_id = Concat(models.Value(f"{source.name}:"), Cast(models.OuterRef("pk"), models.TextField()))
        fresh = ~models.Exists(SeenEvent.objects.filter(event_id=own_id))
        rows = source.rows.order_by().filter(source.unread(offsets.get(source.name, 0)), fresh)
        found.append(rows.values_list(models.Value(source.name))[:1])
    return {name for (name,) in found[0].union(*found[1:], all=True)} if found else set()


@contextmanager
def new_rows(source: Source) -> Iterator[list[Any]]:
    """Lend the rows that were not lent before, oldest first, inside the transaction that notes them.

    What the caller writes commits with the position, or neither does.
    """
    with transaction.atomic():
        position, _ = ReadPosition.objects.select_for_update().get_or_create(source=source.name)
        table = connection.ops.quote_name(source.rows.model._meta.db_table)
        settled = RawSQL(SETTLED.format(table=table), [], output_field=models.BooleanField())  # noqa: S611
        unread = source.rows.filter(settled, source.unread(position.offset))
        rows = list(unread.order_by("pk")[: AT_ONCE + LOOK_BACK])
        fresh = note_seen(f"{source.name}:{row.pk}" for row in rows) if rows else set()
        yield [row for row in rows if f"{source.name}:{row.pk}" in fresh]
        if rows and rows[-1].pk > position.offset:
            position.offset = rows[-1].pk
            position.save()
