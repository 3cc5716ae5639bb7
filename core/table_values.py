"""Reading a table's cells as plain values, fast enough to export a million rows, and drawing them for a page.

django-tables2 inspects the signature of each cell's function anew, and computes each cell's attributes anew: most of
the time of a list. Here each column is looked at once. A cell holds what it would there: of ``value_<name>``,
``render_<name>``, the column itself.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db import transaction
from django.db.models import Field, Model, QuerySet
from django.utils.encoding import force_str
from django.utils.html import escape, strip_tags
from django.utils.safestring import SafeString, mark_safe
from django_tables2.columns import ManyToManyColumn
from django_tables2.rows import BoundRow
from django_tables2.utils import Accessor

from core.markup import escaped

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
    if not isinstance(data, QuerySet):
        yield from ([read(record) for read in readers] for record in data)
        return
    # Outside a transaction the cursor would be one WITH HOLD: all rows would be read before the first goes out.
    with transaction.atomic():
        for record in data.iterator(chunk_size=EXPORT_CHUNK):
            yield [read(record) for read in readers]


def drawn_rows(table: Any, rows: Iterable[Any], draw_value: Callable[[Any], str]) -> Iterator[SafeString]:
    """Yield each row of a page as HTML; ``draw_value`` escapes a cell as the template would."""
    columns = list(table.columns)
    drawers: list[Callable[[Any], Any]] | None = None
    row_head = _row_head(table)
    heads: list[tuple[str, Any]] = []
    for row in rows:
        record = row.record
        if drawers is None:
            model = type(record) if isinstance(record, Model) else None
            drawers = [drawer_of(table, column, model) for column in columns]
            heads = [_cell_head(column) for column in columns]
        cells = []
        for column, draw, (label, fixed) in zip(columns, drawers, heads, strict=True):
            cell = draw(record)
            if fixed is None:
                column.current_record, column.current_value = record, cell
            td = fixed if fixed is not None else column.attrs["td"].as_html()
            cells.append(f'<td {td} data-label="{label}">{draw_value(cell)}</td>')
        yield mark_safe(f"<tr {row_head(row)}>{''.join(cells)}</tr>\n")  # noqa: S308 - all of it escaped


def _row_head(table: Any) -> Callable[[Any], str]:
    """Return the function that draws a row's attributes, those that ``BoundRow.attrs`` would compute."""
    own = {name: (value, wanted_by(value) if callable(value) else None) for name, value in table.row_attrs.items()}

    def draw(row: Any) -> str:
        known = {"table": table, "record": row.record}
        attrs = {
            name: value if wanted is None else value(**{each: known[each] for each in wanted if each in known})
            for name, (value, wanted) in own.items()
        }
        attrs["class"] = " ".join(filter(None, (attrs.get("class"), row.get_even_odd_css_class())))
        return " ".join(f'{escaped(name)}="{escaped(value)}"' for name, value in attrs.items() if value is not None)

    return draw


def _cell_head(column: Any) -> tuple[str, Any]:
    """Return a column's label, and the attributes of its cells; None for those where a row has a say."""
    attrs = column.column.attrs
    own = {**attrs.get("cell", {}), **attrs.get("td", {})}
    fixed = None if any(callable(value) for value in own.values()) else column.attrs["td"].as_html()
    return escape(strip_tags(force_str(column.header))), fixed


def reader_of(table: Any, bound: Any, model: Any) -> Callable[[Any], Any]:
    """Return the function that reads one column's value of a record, for a file."""
    value_of, function, empty = _value_of(bound, model), bound.value, bound.column.empty_values
    wanted = wanted_by(function)

    def read(record: Any) -> Any:
        value = value_of(record)
        if value in empty:
            return None
        cell = function(**arguments(wanted, value, record, bound, table))
        # A table's own render_<name>() without a value_<name>() leaves HTML behind.
        return strip_tags(cell) if isinstance(cell, SafeString) else force_str(cell, strings_only=True)

    return read


def drawer_of(table: Any, bound: Any, model: Any) -> Callable[[Any], Any]:
    """Return the function that draws one column's cell of a record, for a page."""
    if model is None or bound.link or isinstance(bound.column, ManyToManyColumn):
        return lambda record: BoundRow(record, table).get_cell(bound.name)
    value_of, function, empty = _value_of(bound, model), bound.render, bound.column.empty_values
    wanted, default = wanted_by(function), bound.default

    def draw(record: Any) -> Any:
        value = value_of(record)
        return default if value in empty else function(**arguments(wanted, value, record, bound, table))

    return draw


def arguments(wanted: tuple[str, ...], value: Any, record: Any, bound: Any, table: Any) -> dict[str, Any]:
    """Return those of a cell's arguments that its function asks for."""
    known = {"value": value, "record": record, "column": bound.column, "bound_column": bound, "table": table}
    if "bound_row" in wanted:
        known["bound_row"] = BoundRow(record, table)
    return {name: known[name] for name in wanted}


def _value_of(bound: Any, model: Any) -> Callable[[Any], Any]:
    accessor = Accessor(bound.accessor)
    display = _display_method(accessor, model)
    simple = accessor if len(accessor.bits) == 1 and model is not None else None

    words: dict[Any, Any] = {}

    def value_of(record: Any) -> Any:
        if display:
            parent = accessor.penultimate(record)[0]
            if parent is None:
                return None
            # A field works its choices out anew each time it is asked for a word.
            raw = getattr(parent, accessor.bits[-1])
            if raw not in words:
                words[raw] = getattr(parent, display)()
            return words[raw]
        if simple and isinstance(record, model):
            value = getattr(record, simple, None)
            return accessor.resolve(record, quiet=True) if callable(value) else value
        return accessor.resolve(record, quiet=True)

    return value_of


def wanted_by(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of the arguments that a cell's function takes."""
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
