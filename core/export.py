"""Export of exactly the rows that a list's filters find, as CSV or XLSX."""

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone

from core.xlsx import CONTENT_TYPE, xlsx_pieces

# A cell that begins so would be run as a formula by a spreadsheet; names and headers come off the network.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
# A telephone number as exports write it begins like a formula and is none: a plus and digits are a number.
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


class _Echo:
    """A file that gives back what is written, so that csv can write into a stream."""

    def write(self, text: str) -> str:
        return text


def neutral(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula; numbers and dates stay as they are."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not _E164.fullmatch(text) else text


# Lines travel together: each piece of a streamed answer costs a system call and more.
LINES_AT_ONCE = 500


def csv_lines(rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Yield CSV (RFC 4180) of rows, each cell neutralised, LINES_AT_ONCE lines at a time."""
    writer = csv.writer(_Echo())
    lines = (writer.writerow([neutral(cell) for cell in row]) for row in rows)
    while together := "".join(islice(lines, LINES_AT_ONCE)):
        yield together


def csv_response(rows: Iterable[Iterable[Any]], name: str) -> StreamingHttpResponse:
    """Stream rows as a file called ``name-<date>-<time>.csv``."""
    return _file(csv_lines(rows), "text/csv; charset=utf-8", f"{name}-{_stamp()}.csv")


def xlsx_response(rows: Iterable[Iterable[Any]], name: str) -> StreamingHttpResponse:
    """Stream rows as a workbook called ``name-<date>-<time>.xlsx``."""
    return _file(xlsx_pieces(rows), CONTENT_TYPE, f"{name}-{_stamp()}.xlsx")


# What ?export= of a list's address may say.
FORMATS = {"csv": csv_response, "xlsx": xlsx_response}


def _stamp() -> str:
    return timezone.localtime().strftime("%Y%m%d-%H%M")


def _file(pieces: Iterator[str] | Iterator[bytes], content_type: str, file_name: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(pieces, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    response["Cache-Control"] = "no-store"
    return response
