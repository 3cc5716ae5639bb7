"""A document on A4: letterhead, addressee beside the facts, tables, totals, and "page n of m" on every page."""

import io
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, CondPageBreak, Flowable, Frame, PageTemplate, Spacer

from core.pdf.fonts import BOLD, REGULAR, Run, printable, runs_of, width_of, wrapped
from core.pdf.tables import (
    ACCENT,
    GAP,
    INK,
    LEADING,
    MUTED,
    RULE,
    Column,
    Row,
    Rows,
    TablePart,
    draw_line,
    draw_runs,
)

PAGE_WIDTH, PAGE_HEIGHT = A4
SIDE, TOP, BOTTOM = 20 * mm, 18 * mm, 22 * mm
WIDTH = PAGE_WIDTH - 2 * SIDE
SMALL, BODY = 8.0, 9.0
# On the pages after the first: one line that says what this is.
RUNNING_HEAD = 9 * mm
# Of an address: one of five hundred line breaks is no letter, but an invoice that has it must still be set.
MOST_LINES = 16
# ReportLab's fonts and parsers are shared by all threads of a process.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Party:
    """Who sends or receives a document: a name, and lines under it."""

    name: str
    lines: Sequence[str] = ()


class Lines(Flowable):
    """Lines of text, wrapped to a width."""

    def __init__(self, lines: list[list[Run]], size: float, colour: Any = INK, width: float = WIDTH) -> None:
        super().__init__()
        self.lines, self.size, self.colour, self.given = lines, size, colour, width

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Return the size."""
        return self.given, len(self.lines) * self.size * LEADING

    def draw(self) -> None:
        """Draw from the top down."""
        y = len(self.lines) * self.size * LEADING - self.size
        for runs in self.lines:
            draw_runs(self.canv, runs, 0, y, self.size, self.colour)
            y -= self.size * LEADING


class Letterhead(Flowable):
    """The sender across the top of the first page: the name large, its lines small at the right."""

    def __init__(self, sender: Party) -> None:
        super().__init__()
        self.name = wrapped(sender.name, BOLD, 14, WIDTH * 0.55, most=3)
        lines = [runs for line in sender.lines for runs in wrapped(line, REGULAR, SMALL, WIDTH * 0.4, most=3)]
        self.lines = lines[:MOST_LINES]

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Return the size."""
        self.tall = max(len(self.name) * 14 * LEADING, len(self.lines) * SMALL * LEADING) + 10
        return WIDTH, self.tall

    def draw(self) -> None:
        """Draw name, lines and the rule under them."""
        y = self.tall - 14
        for runs in self.name:
            draw_runs(self.canv, runs, 0, y, 14, INK)
            y -= 14 * LEADING
        y = self.tall - 10
        for runs in self.lines:
            draw_line(self.canv, runs, 0, WIDTH, y, SMALL, MUTED, right=True)
            y -= SMALL * LEADING
        self.canv.setStrokeColor(ACCENT)
        self.canv.setLineWidth(1.6)
        self.canv.line(0, 0, WIDTH, 0)


class Opening(Flowable):
    """The addressee at the left, the facts (number, dates, …) at the right."""

    def __init__(self, label: str, addressee: Party, facts: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        left = WIDTH * 0.5
        self.label = wrapped(label, REGULAR, SMALL, left, most=1)
        self.name = wrapped(addressee.name, BOLD, 10, left, most=4)
        lines = [runs for line in addressee.lines for runs in wrapped(line, REGULAR, BODY, left, most=3)]
        self.lines = lines[:MOST_LINES]
        self.at = WIDTH * 0.58
        labels = [width_of(printable(name), REGULAR, BODY) for name, _ in facts]
        self.fact_at = self.at + min(max(labels, default=0), WIDTH * 0.2) + GAP
        room = WIDTH - self.fact_at
        self.facts = [(runs_of(printable(name), REGULAR), wrapped(value, REGULAR, BODY, room)) for name, value in facts]

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Return the size."""
        left = SMALL * LEADING + 3 + len(self.name) * 10 * LEADING + len(self.lines) * BODY * LEADING
        right = sum(len(lines) for _, lines in self.facts) * BODY * LEADING + len(self.facts) * 1.5
        self.tall = max(left, right) + 2
        return WIDTH, self.tall

    def draw(self) -> None:
        """Draw both columns."""
        y = self.tall - SMALL
        for lines, size, colour in (
            (self.label, SMALL, MUTED),
            (self.name, 10.0, INK),
            (self.lines, BODY, INK),
        ):
            for runs in lines:
                draw_runs(self.canv, runs, 0, y, size, colour)
                y -= size * LEADING
            # The name's first line stands clear of the label above it.
            y -= 3 if lines is self.label else 0
        y = self.tall - BODY
        for label, lines in self.facts:
            draw_runs(self.canv, label, self.at, y, BODY, MUTED)
            for runs in lines:
                draw_runs(self.canv, runs, self.fact_at, y, BODY, INK)
                y -= BODY * LEADING
            y -= 1.5


class Totals(Flowable):
    """Sums at the right, under the amounts; the last one stands out."""

    def __init__(self, sums: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.sums = [(runs_of(printable(label), REGULAR), runs_of(printable(value), REGULAR)) for label, value in sums]
        label, value = sums[-1]
        self.sums[-1] = (runs_of(printable(label), BOLD), runs_of(printable(value), BOLD))
        # As wide as it must be: a long label beside a long amount must not meet it.
        need = max(width_of(printable(a), BOLD, 11) + width_of(printable(b), BOLD, 11) for a, b in sums) + 3 * GAP
        self.span = min(max(WIDTH * 0.46, need), WIDTH)

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Return the size."""
        self.tall = (len(self.sums) - 1) * 15 + 30
        return WIDTH, self.tall

    def draw(self) -> None:
        """Draw labels left, amounts right, and a rule over the last."""
        x, y = WIDTH - self.span, self.tall - 12
        for label, value in self.sums[:-1]:
            draw_line(self.canv, label, x, self.span, y, BODY, MUTED)
            draw_line(self.canv, value, x, self.span, y, BODY, INK, right=True)
            y -= 15
        self.canv.setStrokeColor(INK)
        self.canv.setLineWidth(0.8)
        self.canv.line(x, y + 8, WIDTH, y + 8)
        draw_line(self.canv, self.sums[-1][0], x, self.span, y - 8, 11, INK)
        draw_line(self.canv, self.sums[-1][1], x, self.span, y - 8, 11, INK, right=True)


class PdfDocument:
    """Collects what a document says; :meth:`render` sets it. All text is plain text, never markup."""

    def __init__(self, *, title: str, sender: Party, reference: str = "", footer: str = "") -> None:
        self.title, self.sender, self.reference, self.footer = title, sender, reference, footer
        self._parts: list[Callable[[], list[Flowable]]] = []

    def opening(self, label: str, addressee: Party, facts: Sequence[tuple[str, str]]) -> None:
        """Add the addressee and the facts beside it."""
        self._parts.append(lambda: [Opening(label, addressee, facts), Spacer(0, 7 * mm)])

    def heading(self, text: str) -> None:
        """Add a heading, which never stands alone at the foot of a page."""
        self._parts.append(
            lambda: [CondPageBreak(30 * mm), Lines(wrapped(text, BOLD, 11, WIDTH), 11), Spacer(0, 2 * mm)]
        )

    def text(self, text: str, *, muted: bool = False) -> None:
        """Add a paragraph; line breaks stay."""
        colour, size = (MUTED, SMALL) if muted else (INK, BODY)
        self._parts.append(
            lambda: [Lines(wrapped(text, REGULAR, size, WIDTH, most=40), size, colour), Spacer(0, 3 * mm)]
        )

    def table(self, columns: Sequence[Column], rows: Sequence[Row], sums: Sequence[tuple[str, str]] = ()) -> None:
        """Add a table, its head on every page that it reaches, and under it ``sums`` as (label, amount).

        The last one stands out as the sum of sums; no page holds sums without a row.
        """

        def parts() -> list[Flowable]:
            below: list[Flowable] = [Totals(sums), Spacer(0, 6 * mm)] if sums else []
            foot = sum(part.wrap(WIDTH, PAGE_HEIGHT)[1] for part in below[:1]) + 4 * mm
            return [TablePart(Rows(columns, rows, WIDTH, foot), 0, len(rows)), Spacer(0, 4 * mm), *below]

        self._parts.append(parts)

    def render(self) -> bytes:
        """Return the PDF; the same content gives the same bytes. Raise FontsMissing without the font packages."""
        with _one_at_a_time:
            story: list[Flowable] = [Letterhead(self.sender), Spacer(0, 9 * mm)]
            story += [Lines(wrapped(self.title, BOLD, 18, WIDTH, most=3), 18), Spacer(0, 5 * mm)]
            for part in self._parts:
                story += part()
            out = io.BytesIO()
            first = Frame(SIDE, BOTTOM, WIDTH, PAGE_HEIGHT - TOP - BOTTOM, 0, 0, 0, 0, id="first")
            later = Frame(SIDE, BOTTOM, WIDTH, PAGE_HEIGHT - TOP - BOTTOM - RUNNING_HEAD, 0, 0, 0, 0, id="later")
            template = BaseDocTemplate(
                out, pagesize=A4, title=printable(self.title), author=printable(self.sender.name), lang="en",
                creator="voipbilling", producer="voipbilling", invariant=1, pageCompression=1,
                pageTemplates=[PageTemplate("first", [first], autoNextPageTemplate="later"),
                               PageTemplate("later", [later])],
            )  # fmt: skip
            template.build(story, canvasmaker=self._canvas)
            return out.getvalue()

    def _canvas(self, *args: Any, **kwargs: Any) -> Canvas:
        return _NumberedCanvas(self, *args, **kwargs)


class _NumberedCanvas(Canvas):
    """Keeps the pages until their number is known, then writes "page n of m" on each."""

    def __init__(self, document: PdfDocument, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._document = document
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:
        """Keep a page."""
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Number and write all pages."""
        for number, page in enumerate(self._pages, 1):
            self.__dict__.update(page)
            self._frame(number, len(self._pages))
            super().showPage()
        super().save()

    def _frame(self, number: int, count: int) -> None:
        document = self._document
        self.setStrokeColor(RULE)
        self.setLineWidth(0.4)
        self.line(SIDE, BOTTOM - 5 * mm, PAGE_WIDTH - SIDE, BOTTOM - 5 * mm)
        y = BOTTOM - 5 * mm - 11
        words = runs_of(f"Page {number} of {count}", REGULAR)
        draw_line(self, words, SIDE, WIDTH, y, SMALL, MUTED, right=True)
        for runs in wrapped(document.footer or document.sender.name, REGULAR, SMALL, WIDTH - 70, most=2):
            draw_runs(self, runs, SIDE, y, SMALL, MUTED)
            y -= SMALL * LEADING
        if number > 1:
            y = PAGE_HEIGHT - TOP - 2
            both = " · ".join(filter(None, (document.title, document.reference)))
            (line,) = wrapped(both, REGULAR, SMALL, WIDTH, most=1)
            draw_runs(self, line, SIDE, y, SMALL, MUTED)


_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def pdf_response(content: bytes, name: str) -> HttpResponse:
    """Return a PDF that the browser shows, and saves as ``name``."""
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{_UNSAFE.sub("-", name).strip("-.") or "document"}.pdf"'
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response
