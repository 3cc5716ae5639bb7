"""Documents for people outside: letterhead, tables that go on over pages, page n of m (ReportLab)."""

from core.pdf.document import Party, PdfDocument, pdf_response
from core.pdf.fonts import FontsMissing
from core.pdf.tables import Column, Row

__all__ = ["Column", "FontsMissing", "Party", "PdfDocument", "Row", "pdf_response"]
