"""What an app gives to make a kind of bulk change: its columns, its options, its rules, its table."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model

from core.jobs.choices import LineOutcome
from core.jobs.columns import Column
from core.jobs.rows import Row

Told = list[tuple[str, str, str]]


@dataclasses.dataclass(slots=True)
class Planned:
    """What applying does with one line.

    ``before`` and ``after`` hold values by database column, as JSON has them: of a new row all that it is written
    with, of a changed one those that change. ``version`` is the row's xmin.
    """

    line: int
    outcome: LineOutcome
    key: str
    message: str = ""
    row_id: int | None = None
    version: int | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


class JobKind:
    """One kind of bulk change. Subclass it, and ``register_kind`` it when the app starts.

    ``plan`` reads rows and says what each does; it must not write. What it says is written by SQL: ``model`` is the
    table, ``written`` the columns that a line may set, ``key_columns`` what makes a new row's identity, ``stamps``
    maps a column that takes the time of writing to the column whose change it tells ("state_since": "state").
    """

    name: ClassVar[str]
    label: ClassVar[str]
    noun: ClassVar[str]  # "DIDs": what the lines are about
    key_label: ClassVar[str] = "Row"
    model: ClassVar[type[Model]]
    key_columns: ClassVar[tuple[str, ...]]
    written: ClassVar[tuple[str, ...]]
    stamps: ClassVar[Mapping[str, str]] = {}
    # What its lines may come to: a disabled row is one that changes, and is counted apart.
    outcomes: ClassVar[tuple[LineOutcome, ...]] = (
        LineOutcome.NEW,
        LineOutcome.CHANGED,
        LineOutcome.UNCHANGED,
        LineOutcome.REFUSED,
    )

    # What a person does with added rows that an undo cannot delete, because something refers to them (core.keepers).
    instead: ClassVar[str] = ""

    def plan(self, lines: Iterable[Any], options: Mapping[str, Any]) -> Iterator[Planned]:
        """Yield what each line does, in order. Raise ReadError where nothing can be done at all."""
        raise NotImplementedError

    def check(self, job: Any) -> None:
        """Raise ReadError where what all lines rely on has changed since the preview; runs where they are applied."""

    def tell(self, lines: Sequence[Any]) -> dict[int, Told]:
        """Return by line (column, old, new) in the words of a person, for the lines of one page."""
        raise NotImplementedError

    def facts(self, options: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return what was chosen for the whole job, for its page."""
        return []


class ImportKind(JobKind):
    """A kind whose lines are the rows of an uploaded file; ``plan`` gets ``FileRow``s."""

    columns: ClassVar[tuple[Column, ...]]
    options_form: ClassVar[type[forms.Form]] = forms.Form
    hint: ClassVar[str] = ""
    back: ClassVar[str] = ""  # URL name of the list it fills
    upload: ClassVar[str] = ""  # URL name of the page where its files are chosen

    def options_of(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """Return the form's values as JSON has them."""
        return dict(cleaned)


class ChoiceKind(JobKind):
    """A kind whose lines are rows chosen in a list; ``plan`` gets their ids."""


@dataclasses.dataclass(slots=True)
class FileRow:
    """A row of a file by column of ours; a column that the file lacks is not in ``cells``."""

    line: int
    cells: dict[str, str]


def file_rows(rows: Iterable[Row], places: Mapping[str, int]) -> Iterator[FileRow]:
    """Yield rows with their cells by column."""
    pairs = list(places.items())
    for row in rows:
        width = len(row.cells)
        yield FileRow(row.line, {name: row.cells[at] if at < width else "" for name, at in pairs})


KINDS: dict[str, JobKind] = {}


def register_kind(kind: Callable[[], JobKind]) -> None:
    """Make a kind known; registering it twice is once."""
    made = kind()
    KINDS[made.name] = made


def validate_options(kind: ImportKind, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a kind's options from plain values, as the API sends them. Raise ValidationError beside their fields."""
    form = kind.options_form(dict(values))
    if not form.is_valid():
        raise ValidationError(dict(form.errors.as_data()))
    return kind.options_of(form.cleaned_data)
