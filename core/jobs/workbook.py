"""Read the first sheet of an XLSX workbook (ECMA-376) within bounds that are checked before anything is parsed.

A workbook is a ZIP of XML: a few kilobytes can unpack to gigabytes, one row to millions of cells.
"""

import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from core.jobs.rows import MAX_COLUMNS, MAX_ROWS, ReadError, Row, too_many_rows

MAX_UNPACKED = 200 * 1024 * 1024
MAX_STRINGS = 60 * 1024 * 1024
# openpyxl makes objects of every format of a cell: 200,000 of five bytes each, three kilobytes packed, took it 20 s.
MAX_STYLES = 2 * 1024 * 1024
MAX_PARTS = 1_000
# A row of MAX_COLUMNS cells of text takes some kilobytes.
MAX_ROW_BYTES = 512 * 1024
PIECE = 256 * 1024
_ROW = re.compile(rb"<(?:\w+:)?row[\s>/]")


def workbook_like(content: bytes) -> bool:
    """Tell whether the bytes are a ZIP archive, as every XLSX is."""
    return content.startswith(b"PK\x03\x04")


def read_workbook(content: bytes) -> tuple[int, Iterator[Row]]:
    """Return about how many rows the first sheet has, and the rows, as text. Raise ReadError."""
    import openpyxl  # Half a megabyte of modules that only an import of a workbook needs.

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            about = _check(archive)
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        sheets: list[Any] = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"] or book.worksheets
    except ReadError:
        raise
    except Exception as cause:  # noqa: BLE001 - openpyxl raises whatever a broken part makes it stumble over
        raise ReadError(_broken(cause)) from None
    if not sheets:
        raise ReadError("The workbook has no sheet with cells.")
    return about, _rows(sheets[0])


def _broken(cause: Exception) -> str:
    return f"This is no readable XLSX workbook ({type(cause).__name__}). Save it anew, or as CSV."


def _check(archive: zipfile.ZipFile) -> int:
    parts = archive.infolist()
    names = {part.filename.lower() for part in parts}
    if "xl/workbook.xml" not in names:
        raise ReadError("This is a ZIP archive, but no XLSX workbook.")
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise ReadError(
            f"The workbook unpacks to more than {MAX_UNPACKED // 2**20} MB; save only the table, or as CSV."
        )
    if any(part.filename.lower() == "xl/styles.xml" and part.file_size > MAX_STYLES for part in parts):
        raise ReadError("The workbook holds more cell formats than any table's; save it as CSV.")
    return max((_scan(archive, part) for part in parts), default=0)


def _scan(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> int:
    """Unpack a part piece by piece, keeping nothing, and return its rows; zipfile stops at the size it declares."""
    rows = size = since_row = 0
    rest = b""
    with archive.open(part) as unpacked:
        while piece := unpacked.read(PIECE):
            found = len(_ROW.findall(rest + piece))
            rest = piece[-16:] if not _ROW.search(piece[-16:]) else b""
            rows, size, since_row = rows + found, size + len(piece), 0 if found else since_row + len(piece)
            if rows > MAX_ROWS + 1:
                raise too_many_rows()
            if rows and since_row > MAX_ROW_BYTES:
                raise ReadError("A row of the workbook is longer than any table's; save it as CSV.")
            if not rows and size > MAX_STRINGS:
                raise ReadError(f"The workbook's texts unpack to more than {MAX_STRINGS // 2**20} MB; save it as CSV.")
    return rows


def _rows(sheet: Any) -> Iterator[Row]:
    try:
        for line, cells in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True), start=1):
            # A row is padded to as many columns as may be.
            width = next((at for at in range(len(cells), 0, -1) if cells[at - 1] is not None), 0)
            if width:
                yield Row(line, [_text(cell) for cell in cells[:width]])
    except ReadError:
        raise
    except Exception as cause:  # noqa: BLE001 - see above
        raise ReadError(_broken(cause)) from None


def _text(cell: Any) -> str:
    """Return a cell as a person would type it: a number of 12 digits is those digits."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e16 else repr(cell)
    if isinstance(cell, dt.datetime | dt.date | dt.time):
        return cell.isoformat()
    return str(cell)
