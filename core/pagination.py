"""Pages that stay cheap on a table of millions: no unbounded COUNT(*), no deep OFFSET."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.paginator import Page, Paginator
from django.db.models import Model, Q, QuerySet
from django.utils.functional import cached_property

from core.patience import OutOfPatience, patience

# Nobody pages through more; beyond it the list says "10,000+" and asks for a filter.
COUNT_BOUND = 10_000
PAGE_SIZES = (25, 50, 100, 250)
DEFAULT_PAGE_SIZE = 50


def bounded_total(queryset: QuerySet[Any]) -> int:
    """Count at most COUNT_BOUND + 1 rows of a queryset."""
    return queryset.order_by()[: COUNT_BOUND + 1].count()


class BoundedPaginator(Paginator):
    """Number pages over at most COUNT_BOUND rows of a django-tables2 table."""

    def page(self, number: Any) -> Page:
        """Return one page; its rows are found by key alone, and only they are then joined and counted for.

        With everything in one SELECT, PostgreSQL does for every row before the page what the page shows of its own.
        """
        number = self.validate_number(number)
        rows: Any = self.object_list
        data = rows.data.data
        # Rows of sums have no key by which to find them.
        if not isinstance(data, QuerySet) or getattr(data, "_fields", None) is not None:
            return super().page(number)
        first = (number - 1) * self.per_page
        last = min(first + self.per_page, self.count)
        # The table would count the rows of the narrowed query once more.
        keys = data.values("pk")[first:last]
        rows.data.data, rows.data._length = _unfiltered(data).filter(pk__in=keys), last - first
        return Page(rows, number, self)

    @cached_property
    def found(self) -> int:
        """Return how many rows there are, or one more than the bound."""
        data = self.object_list.data.data  # type: ignore[attr-defined]
        return bounded_total(data) if isinstance(data, QuerySet) else len(data)

    @cached_property
    def count(self) -> int:
        """Return the number of rows that can be paged to."""
        return min(self.found, COUNT_BOUND)

    @property
    def bounded(self) -> bool:
        """Tell whether more rows exist than can be paged to."""
        return self.found > COUNT_BOUND


def _unfiltered(data: QuerySet[Any]) -> QuerySet[Any]:
    """Return the rows without their filter, which the keys have passed: a search would read the table once more.

    Where rows are grouped, or joined with several others, the filter may have a say in what they hold, and stays.
    """
    query = data.query
    fields: list[Any] = [getattr(join, "join_field", None) for join in query.alias_map.values()]
    to_one = all(field is None or field.many_to_one or field.one_to_one for field in fields)
    if query.group_by is not None or query.is_sliced or query.distinct or not to_one:
        return data
    plain = data.all()
    plain.query.where = type(query.where)()
    return plain


# How long a search of an endless list may take at once. One that finds few rows and has no index for them then walks
# back through so many rows a page, and says how far it came.
PATIENCE_MS = 40
WALK = 30_000


@dataclass
class KeysetPage:
    """Rows between two cursors of a list that is ordered by a unique key, newest first."""

    rows: list[Any]
    newer: str | None
    older: str | None
    searched_to: datetime | None = None  # Set where the search stopped before the end; ``older`` goes on from there.


def _encode(row: Model, fields: Sequence[str]) -> str:
    values = [getattr(row, name) for name in fields]
    text = json.dumps([value.isoformat() if isinstance(value, datetime) else value for value in values], default=str)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str, model: type[Model], fields: Sequence[str]) -> list[Any] | None:
    """Return a cursor's values, or None if it was tampered with; then the list begins at its newest row."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or not all(isinstance(value, int | str) for value in values):
            return None
        columns = [model._meta.get_field(name) for name in fields]
        decoded = [column.to_python(value) for column, value in zip(columns, values, strict=True)]  # type: ignore[union-attr]
    except (ValueError, TypeError, OverflowError, binascii.Error, ValidationError):
        return None
    return None if None in decoded else decoded


def _beyond(values: Sequence[Any], fields: Sequence[str], operator: str) -> Q:
    """Return the row-value comparison (a, b) < (x, y), spelt out with a leading bound on ``a`` for the index."""
    condition = Q(**{f"{fields[-1]}__{operator}": values[-1]})
    for name, value in reversed(list(zip(fields[:-1], values[:-1], strict=True))):
        condition = Q(**{f"{name}__{operator}": value}) | (Q(**{name: value}) & condition)
    return Q(**{f"{fields[0]}__{operator}e": values[0]}) & condition


def keyset_page(
    queryset: QuerySet[Any],
    fields: Sequence[str],
    *,
    before: str = "",
    after: str = "",
    size: int = DEFAULT_PAGE_SIZE,
    searched: bool = False,
) -> KeysetPage:
    """Return one page of a list ordered by ``fields``, all descending; the last field must be unique.

    With ``searched``, filters are in force that may find few rows: the search is then cut short rather than slow.
    """
    descending = [f"-{name}" for name in fields]
    forward = _decode(after, queryset.model, fields) if after else None
    backward = _decode(before, queryset.model, fields) if before else None
    if forward is not None:
        rows = list(queryset.filter(_beyond(forward, fields, "gt")).order_by(*fields)[: size + 1])
        more, rows = len(rows) > size, rows[:size][::-1]
        if len(rows) < size:
            # Fewer newer rows than a page: show the newest page whole instead of a stump.
            return keyset_page(queryset, fields, size=size, searched=searched)
        return KeysetPage(rows, _encode(rows[0], fields) if more else None, _encode(rows[-1], fields))
    if backward is not None:
        queryset = queryset.filter(_beyond(backward, fields, "lt"))
    newest_first = queryset.order_by(*descending)
    if searched:
        try:
            with patience(PATIENCE_MS):
                rows = list(newest_first[: size + 1])
        except OutOfPatience:
            return _walked_page(newest_first, fields, backward, size)
    else:
        rows = list(newest_first[: size + 1])
    return _page(rows, fields, backward, size)


def _page(rows: list[Any], fields: Sequence[str], backward: list[Any] | None, size: int) -> KeysetPage:
    more, rows = len(rows) > size, rows[:size]
    return KeysetPage(
        rows,
        _encode(rows[0], fields) if rows and backward is not None else None,
        _encode(rows[-1], fields) if more else None,
    )


def _walked_page(
    newest_first: QuerySet[Any], fields: Sequence[str], backward: list[Any] | None, size: int
) -> KeysetPage:
    """Return what the next WALK rows of the whole table hold of a search, and where to go on."""
    every = newest_first.model._default_manager.order_by(*[f"-{name}" for name in fields])
    if backward is not None:
        every = every.filter(_beyond(backward, fields, "lt"))
    edge = every.only(*fields)[WALK : WALK + 1].first()
    if edge is None:
        return _page(list(newest_first[: size + 1]), fields, backward, size)
    time, key = fields
    at = getattr(edge, time)
    within = Q(**{f"{time}__gte": at}) & (Q(**{f"{time}__gt": at}) | Q(**{f"{key}__gte": getattr(edge, key)}))
    page = _page(list(newest_first.filter(within)[: size + 1]), fields, backward, size)
    if page.older is None:
        page.older, page.searched_to = _encode(edge, fields), at
        page.newer = page.newer or (_encode(edge, fields) if backward is not None else None)
    return page
