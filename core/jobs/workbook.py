"""Read the first sheet of an XLSX workbook (ECMA-376) within bounds that are checked before anything is parsed.

A workbook is a ZIP of XML: a few kilobytes can unpack to gigabytes, one row to millions of cells. What passes the
bounds is parsed by another process (``sheet_process``), which a file may bring down without harm.
"""

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from core.jobs.rows import MAX_ROWS, ReadError, Row, too_many_rows

MAX_UNPACKED = 200 * 1024 * 1024
MAX_STRINGS = 60 * 1024 * 1024
# A format of a cell takes five bytes at least, and a reader keeps each: no table has a hundred thousand.
MAX_STYLES = 2 * 1024 * 1024
MAX_PARTS = 1_000
# A row of MAX_COLUMNS cells of text takes some kilobytes.
MAX_ROW_BYTES = 512 * 1024
PIECE = 256 * 1024
READER = Path(__file__).with_name("sheet_process.py")
_ROW = re.compile(rb"<(?:\w+:)?row[\s>/]")


def workbook_like(content: bytes) -> bool:
    """Tell whether the bytes are a ZIP archive, as every XLSX is."""
    return content.startswith(b"PK\x03\x04")


def read_workbook(content: bytes) -> tuple[int, Iterator[Row]]:
    """Return about how many rows the first sheet has, and the rows, as text. Raise ReadError."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            about = _check(archive)
    except ReadError:
        raise
    except Exception as cause:  # noqa: BLE001 - zipfile raises whatever a broken archive makes it stumble over
        raise ReadError(_broken(type(cause).__name__)) from None
    return about, _rows(content)


def _broken(cause: str) -> str:
    return f"This is no readable XLSX workbook ({cause}). Save it anew, or as CSV."


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


def _rows(content: bytes) -> Iterator[Row]:
    """Yield the rows as the other process reads them; it is ended where nobody wants more of them."""
    # Secrets and addresses of services stay here.
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "LD_LIBRARY_PATH", "LANG")}
    reader = subprocess.Popen(  # noqa: S603 no shell, our own program
        [sys.executable, str(READER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    assert reader.stdin and reader.stdout
    try:
        try:
            reader.stdin.write(content)
            reader.stdin.close()
        except BrokenPipeError:
            pass  # It says below why it ended, or nothing.
        for told in map(json.loads, reader.stdout):
            if told is None:
                return
            if isinstance(told, dict):
                raise ReadError(_broken(told["error"]))
            yield from (Row(line, cells) for line, cells in told)
        raise ReadError(
            "Reading the workbook takes more memory or time than any table's does: are its cells far apart? "
            "Copy the table into a new workbook, or save it as CSV."
        )
    finally:
        reader.kill()
        reader.stdout.close()
        reader.wait()
