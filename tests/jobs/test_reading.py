"""A table is read by what it holds, not by what it is called; and nothing in it costs more than it may."""

import datetime as dt
import io
import signal
import subprocess
import zipfile
from collections.abc import Iterator
from typing import Any

import openpyxl
import pytest

from core.jobs import reading, workbook
from core.jobs import rows as bounds
from core.jobs.columns import match_columns
from core.jobs.reading import Table, read_table
from core.jobs.rows import ReadError
from core.jobs.workbook import read_workbook
from core.xlsx import xlsx_pieces
from dids.imports import DIDImport


def read(content: bytes) -> tuple[Table, list[list[str]]]:
    table = read_table(content)
    return table, [row.cells for row in table.rows]


def a_workbook(rows: list[list[object]]) -> bytes:
    """Return a workbook as openpyxl, and so as people's programs, write it."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    stored = io.BytesIO()
    book.save(stored)
    return stored.getvalue()


TEXT = "DID number;Area;Notes\n+44 20 7946 0018;Zürich;5 €\n+44 20 7946 0019;;\n"


@pytest.mark.parametrize(
    ("encoding", "delimiter", "named"),
    [
        ("utf-8", ";", "CSV, UTF-8, semicolon"),
        ("utf-8-sig", ",", "CSV, UTF-8, comma"),
        ("utf-16", "\t", "CSV, UTF-16, tab"),
        ("utf-16-le", ";", "CSV, UTF-16, semicolon"),
        ("utf-16-be", ";", "CSV, UTF-16, semicolon"),
        ("cp1252", "|", "CSV, Latin-1, bar"),
    ],
)
def test_encoding_and_delimiter_are_found(encoding: str, delimiter: str, named: str) -> None:
    table, rows = read(TEXT.replace(";", delimiter).replace("\n", "\r\n").encode(encoding))
    assert table.format == named
    assert table.header == ["DID number", "Area", "Notes"]
    assert rows == [["+44 20 7946 0018", "Zürich", "5 €"], ["+44 20 7946 0019", "", ""]]


def test_quotes_line_breaks_and_excels_own_first_line_are_read_with_the_lines_they_stand_on() -> None:
    table = read_table(b'sep=;\nDID number;Notes\n442079460018;"two\nlines; and ""quotes"""\n\n442079460019;x\n')
    assert [(row.line, row.cells) for row in table.rows] == [
        (3, ["442079460018", 'two\nlines; and "quotes"']), (6, ["442079460019", "x"]),
    ]  # fmt: skip


def test_a_list_of_numbers_without_a_head_loses_none() -> None:
    table, rows = read(b"+442079460018\n+442079460019\n")
    assert (table.header, len(rows)) == ([], 2)


def test_a_workbooks_numbers_are_the_digits_that_people_see() -> None:
    content = a_workbook(
        [["DID number", "Call limit", "Notes"], [442079460018, 2.0, True], ["+44 20 7946 0019", None, 1.5]]
    )
    table, rows = read(content)
    assert table.format == "XLSX"
    assert rows == [["442079460018", "2", "yes"], ["+44 20 7946 0019", "", "1.5"]]


def test_a_renamed_file_is_what_it_holds() -> None:
    assert read(TEXT.encode())[0].format.startswith("CSV")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("readme.txt", "hello")
    with pytest.raises(ReadError, match="no XLSX workbook"):
        read(archive.getvalue())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b" \r\n \n", "empty"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 600, "old kind"),
        (b"PK\x03\x04" + b"\xff" * 300, "no readable XLSX"),
        (b"DID number\n4420794\x0060018\n", "line 2 holds the character NUL"),
        (b"\xef\xbb\xbfDID number\n\xff\xfe\n", "says that it is UTF-8"),
        (b'DID number;Notes\n"' + b"442079460018\n" * 2_000, "never closed"),
        (b"a;" * 60 + b"\n" + b"1;" * 60, "columns"),
        (b"a;b\n" + b"1;" * 1_000_000, "Line 2 holds 2,000,000 characters"),
    ],
)
def test_what_is_no_table_is_refused_in_words(content: bytes, words: str) -> None:
    with pytest.raises(ReadError, match=words):
        read(content)


def test_more_rows_than_are_read_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (bounds, reading, workbook):
        monkeypatch.setattr(module, "MAX_ROWS", 2_500)
    with pytest.raises(ReadError, match=r"more than 2,500 rows"):
        read(b"DID number\n" + b"442079460018\n" * 2_600)
    with pytest.raises(ReadError, match=r"more than 2,500 rows"):
        read(b"".join(xlsx_pieces([["442079460018"]] * 2_600)))
    assert len(read(b"DID number\n" + b"442079460018\n" * 2_500)[1]) == 2_500


def packed(parts: dict[str, Iterator[bytes] | bytes]) -> bytes:
    """Return a workbook whose parts are replaced."""
    stored = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(a_workbook([["DID number"], ["442079460018"]]))) as source,
        zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            if name not in parts:
                target.writestr(name, source.read(name))
        for name, content in parts.items():
            with target.open(name, "w", force_zip64=True) as part:
                for piece in [content] if isinstance(content, bytes) else content:
                    part.write(piece)
    return stored.getvalue()


def test_a_workbook_that_unpacks_to_more_than_any_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_UNPACKED", 20 * 2**20)
    monkeypatch.setattr(workbook, "MAX_STRINGS", 6 * 2**20)
    bomb = packed({"xl/media/x.bin": (b"\0" * 2**20 for _ in range(21))})
    assert len(bomb) < 2**16
    with pytest.raises(ReadError, match="unpacks to more than 20 MB"):
        read(bomb)
    with pytest.raises(ReadError, match="texts unpack to more than 6 MB"):
        read(packed({"xl/sharedStrings.xml": (b"<si><t>x</t></si>" * 65_536 for _ in range(6))}))
    with pytest.raises(ReadError, match="row of the workbook is longer"):
        read(packed({"xl/worksheets/sheet1.xml": b"<worksheet><sheetData><row>" + b"<c><v>1</v></c>" * 100_000}))


def test_cells_in_two_corners_of_a_sheet_are_refused_without_harm() -> None:
    """Laid out as one rectangle they would take 550 GB; the process that tries is not this one."""
    corners = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
        b"</sheetData></worksheet>"
    )
    with pytest.raises(ReadError, match="far apart"):
        read(packed({"xl/worksheets/sheet1.xml": corners}))


def test_one_long_text_in_many_cells_does_not_come_out_of_the_process_that_reads() -> None:
    """A file of a few kilobytes made the worker itself hold more than a gigabyte."""
    namespace = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    strings = b"<sst %b><si><t>%b</t></si></sst>" % (namespace, b"x" * 3_000_000)
    row = b"<row>" + b'<c t="s"><v>0</v></c>' * 3 + b"</row>"
    sheet = b"<worksheet %b><sheetData>%b</sheetData></worksheet>" % (namespace, row * 20)
    content = packed({"xl/sharedStrings.xml": strings, "xl/worksheets/sheet1.xml": sheet})
    assert len(content) < 2**14
    first = next(read_workbook(content)[1])
    assert [len(cell) for cell in first.cells] == [bounds.MAX_CELL + 1] * 3
    with pytest.raises(ReadError, match="more than 2,000 characters"):
        read(content)


def test_the_process_that_reads_knows_no_secret_and_ends_with_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[subprocess.Popen[bytes], dict[str, str]]] = []
    popen = subprocess.Popen

    def noted(*arguments: Any, **options: Any) -> Any:
        started.append((popen(*arguments, **options), options["env"]))
        return started[0][0]

    monkeypatch.setattr(subprocess, "Popen", noted)
    monkeypatch.setenv("SECRET_KEY", "not for a file's reader")
    _, rows = read_workbook(b"".join(xlsx_pieces([["442079460018", "x" * 200]] * 50_000)))
    assert next(rows).cells[0] == "442079460018"
    ((process, environment),) = started
    assert process.poll() is None
    assert not {"SECRET_KEY", "DATABASE_URL", "REDIS_URL"} & environment.keys()
    rows.close()  # type: ignore[attr-defined]
    assert process.returncode == -signal.SIGKILL


def test_the_first_sheet_that_is_shown_is_read_with_the_lines_and_columns_of_its_cells() -> None:
    book = openpyxl.Workbook()
    book.active.append(["hidden"])
    book.active.sheet_state = "hidden"
    shown = book.create_sheet("shown")
    shown["B3"], shown["C3"] = "DID number", "Notes"
    shown["B5"], shown["C5"] = 442079460018, dt.date(2026, 1, 2)
    stored = io.BytesIO()
    book.save(stored)
    table = read_table(stored.getvalue())
    assert table.header == ["", "DID number", "Notes"]
    assert [(row.line, row.cells) for row in table.rows] == [(5, ["", "442079460018", "2026-01-02"])]


def test_a_column_too_many_is_refused_and_not_dropped() -> None:
    with pytest.raises(ReadError, match="56 columns; at most 50"):
        read(a_workbook([["DID number", *[None] * 54, "x"]]))


def test_an_archive_that_lies_about_its_sizes_is_refused() -> None:
    content = bytearray(packed({"xl/worksheets/sheet1.xml": b"<row>" * 10_000}))
    size = (50_000).to_bytes(4, "little")
    while (at := content.find(size)) >= 0:
        content[at : at + 4] = (40).to_bytes(4, "little")
    with pytest.raises(ReadError, match="no readable XLSX"):
        read(bytes(content))


def test_a_workbook_with_countless_cell_formats_is_refused() -> None:
    """Three kilobytes of them, packed, kept a worker busy for minutes."""
    bomb = io.BytesIO(a_workbook([["DID number"], ["442079460018"]]))
    with zipfile.ZipFile(bomb) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    parts["xl/styles.xml"] = b"<styleSheet><cellXfs>" + b"<xf/>" * 600_000 + b"</cellXfs></styleSheet>"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in parts.items():
            target.writestr(name, content)
    with pytest.raises(ReadError, match="more cell formats"):
        read_table(bomb.getvalue())


def test_entities_of_a_workbook_are_not_expanded() -> None:
    namespace = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    sheet = "<worksheet xmlns='{}'><sheetData>{}</sheetData></worksheet>"
    row = "<row><c t='inlineStr'><is><t>{}</t></is></c></row>"
    plain = sheet.format(namespace, row.format("DID number"))
    assert read(packed({"xl/worksheets/sheet1.xml": plain.encode()}))[0].header == ["DID number"]
    laughs = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    with pytest.raises(ReadError, match="no readable XLSX"):
        read(packed({"xl/worksheets/sheet1.xml": (laughs + sheet.format(namespace, row.format("&b;"))).encode()}))


def test_what_an_export_writes_is_what_is_read() -> None:
    rows = [["DID number", "Notes"], ["+442079460018", "=1+1"], ["+442079460019", "<b>&\x07ü"]]
    _, found = read(b"".join(xlsx_pieces(rows)))
    assert found == [["+442079460018", "=1+1"], ["+442079460019", "<b>&ü"]]


def test_columns_are_found_by_the_words_that_people_use() -> None:
    found = match_columns(DIDImport.columns, ["Phone Number", "PROVIDER", "Sub-account", "status", "Colour", "Notes"])
    assert found == {"number": 0, "carrier": 1, "alias": 2, "state": 3, "notes": 5}
    assert match_columns(DIDImport.columns, ["DIDs", "number"]) == {"number": 1}


def test_the_bounds_are_those_that_the_pages_name() -> None:
    assert (bounds.MAX_BYTES, bounds.MAX_ROWS, workbook.MAX_UNPACKED) == (20 * 2**20, 250_000, 200 * 2**20)
