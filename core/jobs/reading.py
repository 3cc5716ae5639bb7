"""Read an uploaded table, CSV or XLSX, whatever its encoding and delimiter, within fixed bounds.

What the file is called counts for nothing; what it holds does. Everything in it is somebody else's.
"""

import csv
import dataclasses
import io
import re
from collections.abc import Iterator
from itertools import chain, islice

from core.jobs.rows import MAX_CELL, MAX_COLUMNS, MAX_LINE, MAX_ROWS, ReadError, Row, too_many_rows
from core.jobs.workbook import read_workbook, workbook_like

DELIMITERS = ",;\t|"
DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_SAMPLED_LINES = 20
# What a head's word never is: a telephone number, or an amount.
_NUMBER = re.compile(r"'?\+?[\d\s().\-/]{7,}|[+-]?\d+(?:[.,]\d+)?")


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """A table's head (empty where its first row is no head), its format in words, about how many rows, and the rows."""

    header: list[str]
    format: str
    about: int
    rows: Iterator[Row]


def read_table(content: bytes) -> Table:
    """Return the table that ``content`` holds; its rows raise ReadError too. Empty rows are passed over."""
    if not content.strip():
        raise ReadError("The file is empty.")
    if content.startswith(_OLD_EXCEL):
        raise ReadError(
            "This is an Excel file of the old kind (.xls), or one with a password: save it as .xlsx or CSV."
        )
    if workbook_like(content):
        about, raw = read_workbook(content)
        kind = "XLSX"
    else:
        text, encoding = decode(content)
        raw, delimiter = _text_rows(text)
        about = text.count("\n")
        kind = f"CSV, {encoding}, {DELIMITER_NAMES[delimiter]}"
    rows = _bounded(raw)
    first = next(rows, None)
    if first is None:
        raise ReadError("The file holds no row.")
    if any(_NUMBER.fullmatch(cell) for cell in first.cells):
        # A list of numbers without a head: its first row is a row.
        return Table([], kind, about, chain([first], rows))
    return Table(first.cells, kind, about, rows)


def decode(content: bytes) -> tuple[str, str]:
    """Return the text of a file and its encoding's name: by its mark, else UTF-8, else UTF-16, else Latin-1."""
    for mark, codec, name in (
        (b"\xef\xbb\xbf", "utf-8-sig", "UTF-8"),
        (b"\xff\xfe", "utf-16", "UTF-16"),
        (b"\xfe\xff", "utf-16", "UTF-16"),
    ):
        if content.startswith(mark):
            return _decoded(content, codec, name), name
    start = content[:2000]
    if start.count(0) * 4 > len(start):
        # Every other byte of a Western text in UTF-16 is nought.
        codec = "utf-16-be" if start[::2].count(0) > start[1::2].count(0) else "utf-16-le"
        return _decoded(content, codec, "UTF-16"), "UTF-16"
    try:
        return _checked(content.decode("utf-8")), "UTF-8"
    except UnicodeDecodeError:
        # Windows calls its superset Latin-1 too; five bytes that it leaves out are control characters in the standard.
        try:
            return _checked(content.decode("cp1252")), "Latin-1"
        except UnicodeDecodeError:
            return _checked(content.decode("latin-1")), "Latin-1"


def _decoded(content: bytes, codec: str, name: str) -> str:
    try:
        return _checked(content.decode(codec))
    except UnicodeDecodeError as error:
        raise ReadError(f"The file says that it is {name}, but byte {error.start:,} of it is not.") from None


def _checked(text: str) -> str:
    found = text.find("\0")
    if found >= 0:
        line = text.count("\n", 0, found) + 1
        raise ReadError(f"This is no table of text: line {line:,} holds the character NUL.")
    return text


def find_delimiter(text: str) -> str:
    """Return the delimiter that cuts the first lines most evenly into most columns; else a comma."""
    best, best_score = ",", (0.0, 0)
    lines = [line for line in islice(text.splitlines(), _SAMPLED_LINES) if line.strip()]
    for delimiter in DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        except csv.Error:
            continue
        width = widths[0] if widths else 1
        if width > 1:
            score = (sum(one == width for one in widths) / len(widths), width)
            if score > best_score:
                best, best_score = delimiter, score
    return best


def _text_rows(text: str) -> tuple[Iterator[Row], str]:
    skipped = 0
    if text[:4].lower() == "sep=" and len(text) > 4 and text[4] in DELIMITERS:
        # Excel's own way to name the delimiter, on a line before the head.
        delimiter, skipped = text[4], 1
        text = text.partition("\n")[2]
    else:
        delimiter = find_delimiter(text[:200_000])
    return _read_text(text, delimiter, skipped), delimiter


def _read_text(text: str, delimiter: str, skipped: int) -> Iterator[Row]:
    reader = csv.reader(_bounded_lines(text), delimiter=delimiter)
    while True:
        line = reader.line_num + 1 + skipped
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ReadError(f"Line {line:,} cannot be read: {error}. Is a quotation mark never closed?") from None
        yield Row(line, cells)


def _bounded_lines(text: str) -> Iterator[str]:
    """Yield the lines; refuse one that would become millions of cells."""
    for number, line in enumerate(io.StringIO(text, newline=""), start=1):
        if len(line) > MAX_LINE:
            raise ReadError(f"Line {number:,} holds {len(line):,} characters, more than any table's.")
        yield line


def _bounded(rows: Iterator[Row]) -> Iterator[Row]:
    """Yield the rows that hold anything, their cells stripped; refuse what is wider or longer than anything real."""
    count = 0
    for row in rows:
        if len(row.cells) > MAX_COLUMNS and any(cell.strip() for cell in row.cells[MAX_COLUMNS:]):
            raise ReadError(f"Line {row.line:,} has {len(row.cells):,} columns; at most {MAX_COLUMNS} are read.")
        # Two million cells: no call for one that has nothing to take away.
        stripped = [cell.strip() for cell in row.cells[:MAX_COLUMNS]]
        cells = [_plain(cell) if cell[:1] == "'" else cell for cell in stripped]
        if not any(cells):
            continue
        count += 1
        if count > MAX_ROWS + 1:
            raise too_many_rows()
        if max(map(len, cells)) > MAX_CELL:
            raise ReadError(
                f"A cell of line {row.line:,} holds more than {MAX_CELL:,} characters. "
                "Is a quotation mark never closed?"
            )
        yield Row(row.line, cells)


def _plain(cell: str) -> str:
    """Return a cell without the apostrophe that exports set before a formula's signs."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@", "\t", "\r", "\n") else cell
