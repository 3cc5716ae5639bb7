"""What only invoices can prove: each bills what its lines say, takes its total, and no number is missing."""

from collections.abc import Iterable
from typing import Any

from django.db import connection

from billing.ledger import Difference, register_proof

# A credit note that lets charges be billed again gives back no line, only tax and rounding.
DOCUMENTS = """
WITH lines AS (
    SELECT invoice_id, sum(amount) AS amount FROM invoices_invoiceline GROUP BY 1
), billed AS (
    SELECT l.invoice_id, -sum(e.amount) AS amount
    FROM invoices_invoicedentry b JOIN invoices_invoiceline l ON l.id = b.line_id
    JOIN billing_ledgerentry e ON e.id = b.entry_id GROUP BY 1
), added AS (
    SELECT split_part(idempotency_key, ':', 2)::bigint AS invoice_id, -sum(amount) AS amount
    FROM billing_ledgerentry
    WHERE attempt_id IS NULL AND idempotency_key LIKE 'invoice:%' AND kind IN ('tax', 'rounding') GROUP BY 1
)
SELECT i.id, i.number, a.balance_id, i.lines_sum, coalesce(l.amount, 0), coalesce(b.amount, 0),
       CASE i.effect WHEN 'bill_again' THEN 0 ELSE i.lines_sum END,
       i.gross - i.lines_sum, coalesce(d.amount, 0)
FROM invoices_invoice i JOIN accounts_account a ON a.id = i.account_id
LEFT JOIN lines l ON l.invoice_id = i.id LEFT JOIN billed b ON b.invoice_id = i.id
LEFT JOIN added d ON d.invoice_id = i.id
WHERE i.state <> 'draft' AND (
    i.lines_sum <> coalesce(l.amount, 0)
    OR coalesce(b.amount, 0) <> CASE i.effect WHEN 'bill_again' THEN 0 ELSE i.lines_sum END
    OR i.gross - i.lines_sum <> coalesce(d.amount, 0)
)
ORDER BY i.id
"""
SERIES = """
SELECT s.prefix, s.last, count(i.id), max(substr(i.number, length(s.prefix) + 1)::bigint)
FROM invoices_numberseries s LEFT JOIN invoices_invoice i
    ON left(i.number, length(s.prefix)) = s.prefix AND substr(i.number, length(s.prefix) + 1) ~ '^[0-9]{5,}$'
GROUP BY s.prefix, s.last
HAVING s.last <> count(i.id) OR s.last <> coalesce(max(substr(i.number, length(s.prefix) + 1)::bigint), 0)
ORDER BY s.prefix
"""


def _rows(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


@register_proof
def prove_invoices() -> Iterable[Difference]:
    """Yield each issued document whose lines, billed entries or total are not what it says."""
    for _, number, balance_id, said, lines, billed, due, tax, added in _rows(DOCUMENTS):
        parts = []
        if said != lines:
            parts.append(f"it says {said}, its lines sum to {lines}")
        if billed != due:
            parts.append(f"its lines bill {due}, their ledger entries are {billed}")
        if tax != added:
            parts.append(f"its tax and rounding are {tax}, the ledger has {added}")
        yield Difference(f"{number}: {'; '.join(parts)}", balance_id)


@register_proof
def prove_numbers() -> Iterable[Difference]:
    """Yield each series of numbers that has a gap."""
    for prefix, last, count, highest in _rows(SERIES):
        words = f"{count} documents, the last has {highest or 0}, and {last} numbers were given"
        yield Difference(f"Numbers “{prefix}…”: {words}")
