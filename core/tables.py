"""Tables of the portal: declared like NetBox's, each column a kind of value.

A column renders HTML for the page and, by ``value()``, plain text for the CSV export.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import django_tables2 as tables
from django_tables2.utils import Accessor

from core import render
from core.markup import format_html
from core.table_values import rows_of


class PlainColumn(tables.Column):
    """Text; what all columns of ours share."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", render.EMPTY)
        super().__init__(*args, **kwargs)

    def value(self, **kwargs: Any) -> Any:
        """Return the text for an export: the bare value, never HTML."""
        value = kwargs["value"]
        return "" if value is render.EMPTY else value


class LinkColumn(PlainColumn):
    """Text that leads to the row's page, or to the object that ``to`` names ("did.account")."""

    def __init__(self, *args: Any, to: str = "", **kwargs: Any) -> None:
        self.to = to
        super().__init__(*args, **kwargs)

    def render(self, value: Any, record: Any) -> Any:
        """Link the value; an object without a page stays text."""
        target = Accessor(self.to).resolve(record, quiet=True) if self.to else record
        url = getattr(target, "get_absolute_url", lambda: "")() if target is not None else ""
        if not url:
            return value
        return format_html('<a href="{}"{}>{}</a>', url, "" if self.to else " data-row-link", value)


class PillColumn(PlainColumn):
    """A choice field as a pill; booleans too, with ``words=(("Yes", "green"), ("No", "secondary"))``."""

    def __init__(self, *args: Any, words: tuple[tuple[str, str], tuple[str, str]] | None = None, **kwargs: Any) -> None:
        self.words = words
        super().__init__(*args, **kwargs)

    def render(self, value: Any, record: Any, bound_column: Any) -> Any:
        """Draw the pill of the field that the column's accessor names, on a related object too."""
        if self.words:
            return render.pill(*self.words[0 if value else 1])
        accessor = bound_column.accessor
        parent = accessor.penultimate(record)[0]
        raw = getattr(parent, accessor.bits[-1])
        return render.pill(value, render.colour_of(parent._meta.get_field(accessor.bits[-1]), raw))

    def value(self, **kwargs: Any) -> Any:
        """Return the word of the pill."""
        value = kwargs["value"]
        if self.words:
            return self.words[0 if value else 1][0]
        return "" if value is render.EMPTY else value


class MonoColumn(PlainColumn):
    """A number, address or Call-ID; ``link`` leads to the row's page, else a button copies the value."""

    def __init__(self, *args: Any, link: bool = False, copy: bool = True, **kwargs: Any) -> None:
        # Not "link": django-tables2 calls an attribute of that name.
        self.leads_to_row, self.copy = link, copy
        super().__init__(*args, **kwargs)

    def render(self, value: Any, record: Any) -> Any:
        """Draw in the monospaced face."""
        if not self.leads_to_row:
            return render.mono(value, copy=self.copy)
        return format_html(
            '<span class="mono-wrap"><a href="{}" class="mono" data-row-link>{}</a>{}</span>',
            record.get_absolute_url(),
            value,
            render.copy_button(value) if self.copy else "",
        )


class WhenColumn(PlainColumn):
    """An instant, in the reader's zone; ``relative`` shows how long ago. Exported as ISO 8601 in UTC."""

    def __init__(self, *args: Any, relative: bool = False, precision: str = "seconds", **kwargs: Any) -> None:
        self.relative, self.precision = relative, precision
        super().__init__(*args, **kwargs)

    def render(self, value: datetime) -> Any:
        """Draw a time element."""
        return render.since(value) if self.relative else render.moment(value, precision=self.precision)

    def value(self, **kwargs: Any) -> Any:
        """Return ISO 8601 with microseconds, in UTC."""
        value = kwargs["value"]
        return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else ""


class _RightAligned(PlainColumn):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("attrs", {"th": {"class": "text-end"}, "td": {"class": "text-end num"}})
        super().__init__(*args, **kwargs)


class NumberColumn(_RightAligned):
    """A count or quantity, right-aligned, with an optional unit."""

    def __init__(self, *args: Any, unit: str = "", **kwargs: Any) -> None:
        self.unit = unit
        super().__init__(*args, **kwargs)

    def render(self, value: Any) -> Any:
        """Draw with a thin space between thousands."""
        text = f"{value:,}".replace(",", "\u202f") if isinstance(value, int) else value
        # One element: on a phone a cell's parts are set beside its label.
        return format_html('<span>{} <span class="unit">{}</span></span>', text, self.unit) if self.unit else text


class MoneyColumn(_RightAligned):
    """An amount with the currency that ``currency`` names on the row ("balance.currency")."""

    def __init__(self, *args: Any, currency: str = "", **kwargs: Any) -> None:
        self.currency = currency
        super().__init__(*args, **kwargs)

    def render(self, value: Any, record: Any, table: Any, bound_column: Any) -> Any:
        """Draw with the 2 to 6 decimals that the page's amounts need, so that their points stand under each other."""
        unit = Accessor(self.currency).resolve(record, quiet=True) if self.currency else ""
        return render.money(value, unit or "", table.decimals(bound_column))


class DurationColumn(_RightAligned):
    """A length of time in seconds, drawn as m:ss."""

    def render(self, value: Any) -> Any:
        """Draw as m:ss or h:mm:ss."""
        return render.duration(value)


class SelectColumn(tables.CheckBoxColumn):
    """The box of a row for bulk actions; its head selects the whole page."""

    def __init__(self) -> None:
        attrs = {"th": {"class": "select-cell"}, "td": {"class": "select-cell"}}
        super().__init__(accessor="pk", orderable=False, exclude_from_export=True, attrs=attrs)

    @property
    def header(self) -> Any:
        """Draw the box that selects every row of the page."""
        return format_html(
            '<input type="checkbox" class="form-check-input" data-select-all aria-label="{}">', "Select all rows"
        )

    def render(self, value: Any, bound_column: Any, record: Any) -> Any:
        """Draw the row's box."""
        return format_html(
            '<input type="checkbox" class="form-check-input" name="pk" value="{}" form="bulk" aria-label="Select {}">',
            value,
            record,
        )


class PortalTable(tables.Table):
    """Base of all tables. ``default_columns`` names those shown until the reader chooses others."""

    default_columns: tuple[str, ...] = ()
    # Columns a reader cannot take away: without them a row says nothing.
    fixed_columns: tuple[str, ...] = ()

    class Meta:
        template_name = "components/table.html"
        attrs = {"class": "table table-vcenter card-table table-hover"}
        row_attrs = {"data-row": "", "data-pk": lambda record: getattr(record, "pk", "")}

    def choosable(self) -> list[tuple[str, str, bool]]:
        """Return (name, header, shown) of every column a reader may switch."""
        return [
            (name, str(column.header), name not in self.exclude)
            for name, column in ((name, self.base_headers[name]) for name in self.base_headers)
            if name not in self.fixed_columns
        ]

    def __init__(self, *args: Any, columns: list[str] | None = None, with_select: bool = False, **kwargs: Any) -> None:
        chosen = [name for name in (columns or []) if name in self.base_columns]
        shown = set(chosen or self.default_columns or self.base_columns) | set(self.fixed_columns)
        hidden = [name for name in self.base_columns if name not in shown]
        kwargs["exclude"] = (*kwargs.get("exclude", ()), *hidden)
        if with_select:
            kwargs["extra_columns"] = [("select", SelectColumn()), *kwargs.get("extra_columns", [])]
            kwargs["sequence"] = ("select", "...")
        super().__init__(*args, **kwargs)
        self._decimals: dict[str, int] = {}

    def decimals(self, bound_column: Any) -> int:
        """Return with how many decimals a column's amounts on this page stand under each other."""
        if bound_column.name not in self._decimals:
            amounts = (bound_column.accessor.resolve(row.record, quiet=True) for row in self.paginated_rows)
            self._decimals[bound_column.name] = render.decimals_of(amount for amount in amounts if amount is not None)
        return self._decimals[bound_column.name]

    @property
    def base_headers(self) -> dict[str, Any]:
        """Return each declared column with the header it would show, hidden ones too."""
        return {name: _Header(name, column) for name, column in self.base_columns.items()}

    def export_rows(self) -> Iterator[list[Any]]:
        """Yield the header and then every row as plain values, of a million rows too."""
        return rows_of(self)


class _Header:
    def __init__(self, name: str, column: Any) -> None:
        self.header = column.verbose_name or name.replace("_", " ").capitalize()
