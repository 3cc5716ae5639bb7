"""Reading a table's cells as plain values, fast enough to export a million rows.

django-tables2 inspects the signature of each cell's function anew, which takes more time than all the rest; here each
column is looked at once. A cell holds what it would there: of ``value_<name>``, ``render_<name>``, the column itself.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import Field, QuerySet
from django.utils.encoding import force_str
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django_tables2.rows import BoundRow
from django_tables2.utils import Accessor

EXPORT_CHUNK = 2000
# Columns that are for the hand, not for a file.
NOT_EXPORTED = frozenset({"select", "actions"})


def rows_of(table: Any) -> Iterator[list[Any]]:
    """Yield the header and then every row; a queryset is read by server-side cursor and never kept."""
    columns = [
        column
        for column in table.columns.iterall()
        if not column.column.exclude_from_export and column.name not in NOT_EXPORTED
    ]
    yield [force_str(column.header, strings_only=True) for column in columns]
    data = table.data.data
    model = data.model if isinstance(data, QuerySet) else None
    readers = [reader_of(table, column, model) for column in columns]
    for record in data.iterator(chunk_size=EXPORT_CHUNK) if isinstance(data, QuerySet) else data:
        yield [read(record) for read in readers]


def reader_of(table: Any, bound: Any, model: Any) -> Callable[[Any], Any]:
    """Return the function that reads one column's value of a record."""
    accessor = Accessor(bound.accessor)
    function, empty = bound.value, bound.column.empty_values
    wanted = _wanted(function)
    display = _display_method(accessor, model)
    simple = accessor if len(accessor.bits) == 1 and model is not None else None

    def read(record: Any) -> Any:
        if display:
            parent = accessor.penultimate(record)[0]
            value = getattr(parent, display)() if parent is not None else None
        elif simple and isinstance(record, model):
            value = getattr(record, simple, None)
            if callable(value):
                value = accessor.resolve(record, quiet=True)
        else:
            value = accessor.resolve(record, quiet=True)
        if value in empty:
            return None
        known = {"value": value, "record": record, "column": bound.column, "bound_column": bound, "table": table}
        if "bound_row" in wanted:
            known["bound_row"] = BoundRow(record, table)
        cell = function(**{name: known[name] for name in wanted})
        # A table's own render_<name>() without a value_<name>() leaves HTML behind.
        return strip_tags(cell) if isinstance(cell, SafeString) else force_str(cell, strings_only=True)

    return read


def _wanted(function: Callable[..., Any]) -> tuple[str, ...]:
    known = ("value", "record", "column", "bound_column", "bound_row", "table")
    parameters = inspect.signature(function).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return tuple(name for name in known if name != "bound_row")
    return tuple(name for name in known if name in parameters)


def _display_method(accessor: Any, model: Any) -> str:
    """Return ``get_<field>_display`` where the column shows a field with choices, as the table itself does."""
    if model is None:
        return ""
    field = accessor.get_field(model)
    last = accessor.bits[-1] if accessor.bits else ""
    if isinstance(field, Field) and field.name == last and field.choices:
        return f"get_{last}_display"
    return ""
