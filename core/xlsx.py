"""Write a table as an XLSX workbook (ECMA-376), row by row into a stream, so that a million rows need no memory.

Texts are inline strings: a spreadsheet never takes them for formulas, whatever they begin with.
"""

import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast
from xml.sax.saxutils import escape

MAX_SHEET_ROWS = 1_048_576
ROWS_AT_ONCE = 500
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml"
CONTENT_TYPE = f"{_SPREADSHEET}.sheet"
# What XML 1.0 cannot hold.
_UNWRITABLE = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF])


class _Pipe:
    """A file that cannot be sought in and is emptied as it is written; zipfile then notes sizes after each part."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        """Return and forget what was written."""
        data = b"".join(self.pieces)
        self.pieces.clear()
        return data


def xlsx_pieces(rows: Iterable[Iterable[Any]]) -> Iterator[bytes]:
    """Yield a workbook of ``rows``, the first of which is the head; beyond a sheet's rows another sheet goes on."""
    pipe = _Pipe()
    archive = zipfile.ZipFile(cast(Any, pipe), "w", zipfile.ZIP_DEFLATED, compresslevel=3)
    source, sheets, more = iter(rows), 0, True
    head = next(source, ())
    while more:
        sheets += 1
        with archive.open(f"xl/worksheets/sheet{sheets}.xml", "w", force_zip64=True) as part:
            part.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>{_row(head)}'.encode())
            more = False
            together = []
            for written, row in enumerate(source, start=2):
                together.append(_row(row))
                if len(together) == ROWS_AT_ONCE:
                    part.write("".join(together).encode())
                    together.clear()
                    yield pipe.taken()
                if written == MAX_SHEET_ROWS:
                    more = True
                    break
            part.write(("".join(together) + "</sheetData></worksheet>").encode())
    for name, content in _parts(sheets):
        archive.writestr(name, _HEAD + content)
    archive.close()
    yield pipe.taken()


def _row(cells: Iterable[Any]) -> str:
    return f"<row>{''.join(map(_cell, cells))}</row>"


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "<c/>"
    if isinstance(value, bool):
        value = "yes" if value else "no"
    elif isinstance(value, int | float | Decimal):
        return f"<c><v>{value}</v></c>"
    elif isinstance(value, datetime | date):
        value = value.isoformat()
    text = escape(str(value).translate(_UNWRITABLE))
    return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _parts(sheets: int) -> Iterator[tuple[str, str]]:
    """Yield the parts that say what the archive holds."""
    numbers = range(1, sheets + 1)
    kinds = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_SPREADSHEET}.worksheet+xml"/>'
        for n in numbers
    )
    yield (
        "[Content_Types].xml",
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_SPREADSHEET}.sheet.main+xml"/>{kinds}</Types>',
    )
    yield (
        "_rels/.rels",
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    )
    listed = "".join(f'<sheet name="Sheet{n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
    yield (
        "xl/workbook.xml",
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>',
    )
    targets = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
    )
    yield (
        "xl/_rels/workbook.xml.rels",
        f'<Relationships xmlns="{_PACKAGE}/relationships">{targets}</Relationships>',
    )
