"""Tables that go on over pages, their head repeated on each.

ReportLab's own Table copies what is left of it at every page break and reads cells as markup. This one keeps one list
of rows and draws a part of it, so ten thousand rows cost ten times what a thousand cost, and text is only ever text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from reportlab.lib.colors import Color, HexColor
from reportlab.platypus import Flowable, PageBreak

from core.pdf.fonts import BOLD, REGULAR, Run, printable, width_of, wrapped

INK = HexColor("#1f2937")
MUTED = HexColor("#6b7280")
RULE = HexColor("#d8dde4")
TINT = HexColor("#f4f6f9")
ACCENT = HexColor("#0b6e6e")

SIZE, HEAD_SIZE = 8.5, 7.5
LEADING = 1.42
PADDING = 3.5
GAP = 12.0
# So many rows go to the next page with the sums that find no room on this one.
LAST_ROWS = 2


@dataclass(frozen=True)
class Column:
    """One column. Without ``share`` it is as wide as its widest cell; the others share what is left."""

    title: str
    share: float = 0
    right: bool = False


@dataclass(frozen=True)
class Row:
    """One row; ``strong`` is a sum, ``group`` a heading over the rows that follow, ``muted`` a remark."""

    cells: Sequence[str]
    strong: bool = False
    group: bool = False
    muted: bool = False

    @property
    def face(self) -> str:
        """Return the face it is printed in."""
        return BOLD if self.strong or self.group else REGULAR


def draw_runs(canvas: Any, runs: list[Run], x: float, y: float, size: float, colour: Color) -> None:
    """Draw one line of text from ``x`` on."""
    canvas.setFillColor(colour)
    for font, piece in runs:
        canvas.setFont(font, size)
        canvas.drawString(x, y, piece)
        x += canvas.stringWidth(piece, font, size)


def draw_line(canvas: Any, runs: list[Run], x: float, width: float, y: float, size: float, colour: Color,
              right: bool = False) -> None:  # fmt: skip
    """Draw one line of text into a column, at its left or right edge."""
    if right:
        x += width - sum(canvas.stringWidth(piece, font, size) for font, piece in runs)
    draw_runs(canvas, runs, x, y, size, colour)


class Rows:
    """The rows of one table, measured once, however many pages they take; ``foot`` points follow the last row."""

    def __init__(self, columns: Sequence[Column], rows: Sequence[Row], width: float, foot: float = 0) -> None:
        self.columns, self.rows, self.width, self.foot = columns, rows, width, foot
        self._heights: dict[int, float] = {}

    @cached_property
    def widths(self) -> list[float]:
        """Return each column's width in points."""
        natural = [
            0.0 if column.share else max(
                [width_of(column.title, BOLD, HEAD_SIZE),
                 *(width_of(printable(str(row.cells[place])), row.face, SIZE)
                   for row in self.rows if not row.group and place < len(row.cells))]
            ) + 0.1
            for place, column in enumerate(self.columns)
        ]  # fmt: skip
        space = self.width - GAP * (len(self.columns) - 1)
        shares = sum(column.share for column in self.columns)
        # What shares keeps a third: a column of long text must not squeeze the others to nothing.
        most = space * (2 / 3 if shares else 1)
        if sum(natural) > most:
            natural = [width * most / sum(natural) for width in natural]
        left = space - sum(natural)
        return [
            left * column.share / shares if column.share else width
            for column, width in zip(self.columns, natural, strict=True)
        ]

    def cell_lines(self, row: Row) -> list[list[list[Run]]]:
        """Return the lines of each cell; a group's only cell has the whole width."""
        if row.group:
            return [wrapped(str(row.cells[0]), row.face, SIZE, self.width)]
        return [
            wrapped(str(cell), row.face, SIZE, width)
            for cell, width in zip(row.cells, self.widths, strict=False)
        ]  # fmt: skip

    def height(self, place: int) -> float:
        """Return the height of a row in points."""
        if place not in self._heights:
            most = max((len(lines) for lines in self.cell_lines(self.rows[place])), default=1)
            self._heights[place] = most * SIZE * LEADING + 2 * PADDING
        return self._heights[place]

    @cached_property
    def head_lines(self) -> list[list[list[Run]]]:
        """Return the lines of the head."""
        return [
            wrapped(column.title, BOLD, HEAD_SIZE, width, most=3)
            for column, width in zip(self.columns, self.widths, strict=True)
        ]

    @property
    def head_height(self) -> float:
        """Return the head's height in points."""
        return max(len(lines) for lines in self.head_lines) * HEAD_SIZE * LEADING + 2 * PADDING


class TablePart(Flowable):
    """The rows ``start`` to ``end`` of a table, under its head."""

    def __init__(self, rows: Rows, start: int, end: int) -> None:
        super().__init__()
        self.rows, self.start, self.end = rows, start, end

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Return the size; a part that does not fit says so as soon as it is known."""
        taken = self.rows.head_height
        for place in range(self.start, self.end):
            taken += self.rows.height(place)
            if taken > height:
                return self.rows.width, taken
        # What follows needs room on this page, unless there is no row to give up to the next.
        if self.end == len(self.rows.rows) and self.end - self.start > LAST_ROWS:
            taken = max(taken, height + 1) if taken + self.rows.foot > height else taken
        return self.rows.width, taken

    def split(self, width: float, height: float) -> list[Flowable]:
        """Return this page's part and the rest; nothing where not even a row fits under the head."""
        taken, place = self.rows.head_height, self.start
        while place < self.end and taken + self.rows.height(place) <= height:
            taken += self.rows.height(place)
            place += 1
        gives_up = place == self.end
        if gives_up:
            place -= LAST_ROWS
        # A heading stays with what it heads.
        while place > self.start and self.rows.rows[place - 1].group:
            place -= 1
        if place == self.start:
            return []
        # Those given up would still fit here.
        turn = [PageBreak()] if gives_up else []
        return [TablePart(self.rows, self.start, place), *turn, TablePart(self.rows, place, self.end)]

    def draw(self) -> None:
        """Draw head and rows from the top down."""
        rows, canvas = self.rows, self.canv
        top = rows.head_height + sum(rows.height(place) for place in range(self.start, self.end))
        self._cells(rows.head_lines, top, HEAD_SIZE, MUTED)
        top -= rows.head_height
        canvas.setLineWidth(0.8)
        canvas.setStrokeColor(INK)
        canvas.line(0, top, rows.width, top)
        for place in range(self.start, self.end):
            row, height = rows.rows[place], rows.height(place)
            if row.strong or row.group:
                canvas.setFillColor(TINT)
                canvas.rect(-PADDING, top - height, rows.width + 2 * PADDING, height, stroke=0, fill=1)
            self._cells(rows.cell_lines(row), top, SIZE, MUTED if row.muted else INK)
            top -= height
            canvas.setLineWidth(0.4)
            canvas.setStrokeColor(RULE)
            canvas.line(0, top, rows.width, top)

    def _cells(self, cells: list[list[list[Run]]], top: float, size: float, colour: Color) -> None:
        x = 0.0
        alone = len(cells) == 1 < len(self.rows.columns)
        for column, width, lines in zip(self.rows.columns, self.rows.widths, cells, strict=False):
            y = top - PADDING - size
            for runs in lines:
                right = column.right and not alone
                draw_line(self.canv, runs, x, width, y, size, colour, right)
                y -= size * LEADING
            x += width + GAP
