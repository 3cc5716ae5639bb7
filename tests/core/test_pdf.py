"""Documents as PDF: what a reader of the file finds in it, on every page, whatever the text was."""

import io
from pathlib import Path

import pypdf
import pytest
from pytest_django import Settings

from core.pdf import Column, FontsMissing, Party, PdfDocument, Row, fonts, pdf_response
from core.pdf.fonts import BOLD, REGULAR, runs_of, width_of, wrapped

SELLER = Party("Aurora Telecom Ltd", ["12 Harbour Road", "London"])
COLUMNS = [Column("Description", share=1), Column("Amount, EUR", right=True)]


def a_document(rows: list[Row], client: str = "Bloom Ltd") -> bytes:
    document = PdfDocument(title="Invoice 2026-00042", sender=SELLER, reference=client, footer="Company no. 1")
    document.opening("Bill to", Party(client, ["5 Long Street"]), [("Issued", "23 November 2026")])
    document.heading("Charges")
    document.table(COLUMNS, rows, [("Net", "10.00 EUR"), ("Total", "12.00 EUR")])
    document.text("Paid from balance.", muted=True)
    return document.render()


def pages(content: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages]


def test_every_page_has_the_head_of_the_table_and_its_number() -> None:
    rows = [Row([f"line {number:03d} of the bill", f"{number}.00"]) for number in range(200)]
    found = pages(a_document(rows))
    assert len(found) > 3
    for number, page in enumerate(found, 1):
        assert f"Page {number} of {len(found)}" in page
        assert "Company no. 1" in page
        assert "Amount, EUR" in page
    # No row is lost or doubled where a page ends.
    assert [page.count("of the bill") for page in found] and sum(page.count("of the bill") for page in found) == 200
    assert all(sum(f"line {number:03d} " in page for page in found) == 1 for number in range(200))
    assert "12.00 EUR" in found[-1] and "12.00 EUR" not in found[0]
    assert "Invoice 2026-00042 · Bloom Ltd" in found[1]


@pytest.mark.parametrize("count", range(22, 32))
def test_sums_never_stand_alone_on_a_page(count: int) -> None:
    found = pages(a_document([Row([f"line {number:03d} of the bill", "1.00"]) for number in range(count)]))
    assert sum(page.count("of the bill") for page in found) == count
    (last,) = (page for page in found if "12.00 EUR" in page)
    assert "of the bill" in last


@pytest.mark.parametrize(
    "name",
    ["Ελληνικά Δίκτυα Α.Ε.", "ООО «Северная звезда»", "Żółć & Sønner ǅ", "Հայաստան", "საქართველო"],
)
def test_names_print_in_their_own_letters(name: str) -> None:
    (page,) = pages(a_document([Row(["one", "−1.00"])], client=name))
    assert name in page
    first, fallback = fonts.loaded(BOLD)
    known = set(first.face.charToGlyph) | set(fallback.face.charToGlyph)
    assert {ord(sign) for sign in name} <= known


def test_text_is_never_markup_and_marks_that_turn_it_round_go() -> None:
    hostile = '<b>x</b><img src="file:///etc/passwd"/> &amp; %PDF \u202eevil\u202c\x00\x07 end'
    (page,) = pages(a_document([Row([hostile, "1"])]))
    assert '<b>x</b><img src="file:///etc/passwd"/> &amp; %PDF evil' in " ".join(page.split())
    assert not {"\u202e", "\x07", "\x00"} & set(page)


def test_a_text_of_any_length_leaves_room_for_the_rest() -> None:
    endless = Row(["word " * 5_000, "1"])
    unbroken = Row(["x" * 5_000, "2"])
    found = pages(a_document([endless, unbroken], client="W" * 2_000))
    assert len(found) < 4
    assert "12.00 EUR" in found[-1]


def test_a_wide_column_of_amounts_never_breaks_a_number() -> None:
    amount = "−999 999 999 999.123456"
    (page,) = pages(a_document([Row(["a long description " * 5, amount])]))
    assert amount in page


def test_wrapped_lines_fit_and_lose_nothing() -> None:
    text = "Ein sehr langer Name, Donaudampfschifffahrtsgesellschaftskapitän, und mehr"
    for width in (20.0, 60.0, 200.0):
        lines = ["".join(piece for _, piece in runs) for runs in wrapped(text, REGULAR, 9, width, most=99)]
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert all(width_of(line, REGULAR, 9) <= width for line in lines)
    assert "".join(piece for _, piece in runs_of(text, REGULAR)) == text


def test_the_same_content_gives_the_same_bytes() -> None:
    rows = [Row(["one", "1.00"]), Row(["Sum", "1.00"], strong=True), Row(["Group"], group=True), Row(["a", "b"])]
    assert a_document(rows) == a_document(rows)


def test_without_its_fonts_a_document_says_what_to_do(settings: Settings, tmp_path: Path) -> None:
    settings.BASE_DIR = tmp_path
    fonts.loaded.cache_clear()
    try:
        with pytest.raises(FontsMissing, match="npm ci"):
            a_document([])
        assert [warning.id for warning in fonts.fonts_are_there()] == ["core.W002"]
    finally:
        fonts.loaded.cache_clear()


def test_a_file_name_cannot_carry_a_header() -> None:
    response = pdf_response(b"%PDF", 'a"\r\nSet-Cookie: x=1')
    assert response["Content-Disposition"] == 'inline; filename="a-Set-Cookie-x-1.pdf"'
    assert "Set-Cookie" not in response


def test_an_address_of_hundreds_of_lines_is_still_set() -> None:
    """What is issued stays as it is, so it has to be set whatever was typed."""
    endless = Party("Acme", ["x"] * 250)
    document = PdfDocument(title="Invoice", sender=endless)
    document.opening("Bill to", endless, [("Number", "1")])
    assert document.render().startswith(b"%PDF")
