"""An invoice on paper, set from what was written when it was issued: the same bytes whenever it is asked for."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from billing.currencies import amount_text, decimals_of
from billing.seller.models import percent_text
from cdr.invoices.billables import quantity_text
from cdr.invoices.choices import InvoiceKind, InvoiceState, LineKind
from cdr.invoices.models import Invoice, InvoiceLine
from core.business_time import day_of
from core.pdf import Column, Party, PdfDocument, Row


def invoice_pdf(invoice: Invoice) -> bytes:
    """Return the document. Raise FontsMissing where the front-end packages are not installed."""
    lines = list(invoice.lines.all())
    document = PdfDocument(
        title=invoice.title,
        sender=Party(invoice.seller_name, _seller_lines(invoice)),
        reference=invoice.client_name,
        footer=invoice.seller_footer,
    )
    client = [*invoice.client_address.splitlines(), *filter(None, [_tax_id(invoice, invoice.client_tax_id)])]
    document.opening("Bill to", Party(invoice.client_name, client), _facts(invoice))
    document.table(_columns(invoice, lines), _rows(invoice, lines), _sums(invoice))
    for words in closing_words(invoice):
        document.text(words)
    if invoice.payment_terms and invoice.due:
        document.text(invoice.payment_terms, muted=True)
    return document.render()


def file_name(invoice: Invoice) -> str:
    """Return the document's name as a file, without an ending."""
    return invoice.number or f"draft-{invoice.pk}"


def closing_words(invoice: Invoice) -> list[str]:
    """Return what follows the sums: what is due until when, and what was paid already."""
    words = []
    if invoice.tax_note:
        words.append(invoice.tax_note)
    if invoice.state == InvoiceState.DRAFT:
        words.append("This is a draft and no invoice.")
    elif invoice.kind == InvoiceKind.CREDIT_NOTE:
        assert invoice.corrects is not None  # a constraint of the table
        words.append(f"Credits {invoice.corrects.title} of {long_day(_issue_day(invoice.corrects))}. {invoice.note}")
    elif invoice.due:
        assert invoice.due_on is not None  # set with the amount
        money = f"{amount_text(invoice.due, invoice.currency)} {invoice.currency}"
        paid = invoice.gross - invoice.due
        before = f"{amount_text(paid, invoice.currency)} {invoice.currency} is paid from the balance. " if paid else ""
        words.append(f"{before}Please pay {money} by {long_day(invoice.due_on)}.")
    elif invoice.gross > 0:
        words.append("Paid from the balance. Nothing is due.")
    else:
        words.append("The amount stands on the balance. Nothing is due.")
    return words


def long_day(day: dt.date) -> str:
    """Return "3 November 2026"."""
    return f"{day.day} {day:%B %Y}"


def _issue_day(invoice: Invoice) -> dt.date:
    assert invoice.issued_at is not None  # a constraint of the table
    return day_of(invoice.issued_at, invoice.time_zone)


def _seller_lines(invoice: Invoice) -> list[str]:
    return [*invoice.seller_address.splitlines(), *filter(None, [_tax_id(invoice, invoice.seller_tax_id)])]


def _tax_id(invoice: Invoice, value: str) -> str:
    return f"{invoice.tax_name} no. {value}" if value else ""


def _facts(invoice: Invoice) -> list[tuple[str, str]]:
    facts = [("Number", invoice.number or "none yet")]
    if invoice.issued_at:
        facts.append(("Date", long_day(_issue_day(invoice))))
    if invoice.due_on:
        facts.append(("Pay by", long_day(invoice.due_on)))
    if invoice.corrects:
        facts.append(("Credits", str(invoice.corrects)))
    return [*facts, ("Period", invoice.period), ("Account", invoice.account_name)]


def _columns(invoice: Invoice, lines: Sequence[InvoiceLine]) -> list[Column]:
    columns = [Column("Description", share=1)]
    if any(line.quantity is not None for line in lines):
        columns.append(Column("Quantity", right=True))
    return [*columns, Column(f"Amount, {invoice.currency}", right=True)]


def _rows(invoice: Invoice, lines: Sequence[InvoiceLine]) -> list[Row]:
    quantities = any(line.quantity is not None for line in lines)
    decimals = decimals_of([line.amount for line in lines], invoice.currency)
    rows: list[Row] = []
    kind = ""
    for line in lines:
        if line.kind != kind:
            kind = line.kind
            rows.append(Row([LineKind(kind).label], group=True))
        cells = [line.description]
        if quantities:
            cells.append("" if line.quantity is None else f"{quantity_text(line.quantity)} {line.unit}")
        rows.append(Row([*cells, amount_text(line.amount, invoice.currency, decimals)]))
    return rows


def sums_rows(invoice: Invoice) -> list[tuple[str, Decimal]]:
    """Return the sums under the lines, from their exact sum to the total, so that a reader can add them up."""
    tax = f"{invoice.tax_name} {percent_text(invoice.tax_rate)} %"
    total = "Total" if invoice.kind == InvoiceKind.INVOICE else "Total credited"
    rows: list[tuple[str, Decimal]] = []
    if invoice.rounding:
        rows += [("Sum of the lines", invoice.lines_sum), ("Rounding", invoice.rounding)]
    if invoice.tax_included:
        return [*rows, ("Net", invoice.net), (f"{tax}, included", invoice.tax), (total, invoice.gross)]
    return [*rows, ("Net", invoice.net), (tax, invoice.tax), (total, invoice.gross)]


def _sums(invoice: Invoice) -> list[tuple[str, str]]:
    return [
        (label, f"{amount_text(amount, invoice.currency)} {invoice.currency}") for label, amount in sums_rows(invoice)
    ]
