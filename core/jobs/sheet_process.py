"""Read a workbook's first visible sheet: a program of its own, for ``workbook`` to start; it imports nothing of ours.

The workbook comes in on stdin. Out go lines of JSON: portions of rows, each row [its line, its cells as text], then
``null``; or an object with ``error``, in words for the person who uploaded it. calamine lays out the whole rectangle
from the first to the last cell (its issue 693): two cells in two corners, 2 kB, ask for 550 GB and abort the process.
Here that is this process, which may have no more memory and time than any table needs, and holds no secret.
"""

import datetime as dt
import io
import json
import resource
import sys
from collections.abc import Iterator
from typing import Any

MAX_MEMORY = 1536 * 2**20
MAX_CPU_SECONDS = 60
PORTION = 500
# Characters: more of a cell, or in one line of JSON, would only fill the memory of who reads it, where a workbook has
# one long text in many cells. A cell cut so is longer still than any that is taken (rows.MAX_CELL).
MOST_OF_CELL = 2_001
MOST_OF_PORTION = 1_000_000


def main() -> None:
    """Read, and write what was read."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_SECONDS, MAX_CPU_SECONDS))
    portion, size = [], 0
    try:
        for row in _rows(sys.stdin.buffer.read()):
            portion.append(row)
            size += sum(map(len, row[1]))
            if len(portion) == PORTION or size > MOST_OF_PORTION:
                _say(portion)
                portion, size = [], 0
        _say(portion)
        _say(None)
    except BrokenPipeError:
        sys.stderr.close()  # Nobody wants the rest.
    except BaseException as cause:  # noqa: BLE001 - a broken part makes calamine raise anything, a panic of Rust too
        _say({"error": f"{type(cause).__name__}"})


def _say(what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _rows(content: bytes) -> Iterator[tuple[int, list[str]]]:
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    sheets = [sheet for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    shown = next(
        (sheet for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible), sheets[0] if sheets else None
    )
    if shown is None:
        return
    sheet = book.get_sheet_by_name(shown.name)
    # Rows come from the first line on, columns from the first that holds anything.
    left = [""] * (sheet.start[1] if sheet.start else 0)
    for line, cells in enumerate(sheet.iter_rows(), start=1):
        texts = left + [_text(cell) for cell in cells]
        while texts and not texts[-1]:
            texts.pop()
        if texts:
            yield line, texts


def _text(cell: Any) -> str:
    """Return a cell as a person would type it: a number of 12 digits is those digits."""
    if isinstance(cell, str):
        return cell[:MOST_OF_CELL]
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e16 else repr(cell)
    if isinstance(cell, dt.datetime | dt.date | dt.time):
        return cell.isoformat()
    return str(cell)


if __name__ == "__main__":
    main()
