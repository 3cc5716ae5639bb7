"""Which ledger entries an invoice bills, and how they sum up to lines.

Billed are charges, rentals with their refunds, and adjustments; payments and money paid back are no supply. What was
booked before the end of the period and stands on no invoice yet is billed, however old it is: nothing is forgotten,
and what belongs before the period says so on its line.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from billing.seller.models import LineDetail
from cdr.invoices.choices import LineKind
from cdr.invoices.models import Invoice, InvoiceLine
from core.phone_numbers import format_number

# Rentals are told by their key, since their refunds are of the same kind as money that is paid back.
BILLED = "(e.kind IN ('charge', 'rental', 'adjustment') OR e.idempotency_key LIKE 'rental:%%')"
UNBILLED = """
NOT EXISTS (SELECT FROM invoices_invoicedentry d WHERE d.entry_id = e.id AND NOT d.released)
"""
ENTRIES = f"""
WITH billable AS (
    SELECT e.id, e.kind, e.amount, e.note, e.idempotency_key AS key, e.attempt_id, e.started_at, e.leg,
           coalesce(e.started_at, e.at) AS since
    FROM billing_ledgerentry e
    WHERE e.balance_id = %(balance)s AND e.at < %(ends_at)s AND e.id <= %(last)s AND {BILLED} AND {UNBILLED}
), grouped AS (
    SELECT b.id, b.amount, b.note, b.attempt_id, l.charged_seconds, l.free_seconds,
           -- A correction is of the same call: it moves money, and neither counts nor lasts again.
           b.attempt_id IS NOT NULL AND b.key = 'call:' || b.attempt_id || ':' || b.leg AS is_call,
           CASE WHEN b.attempt_id IS NOT NULL THEN 'calls'
                WHEN b.key LIKE 'rental:%%' OR b.kind = 'rental' THEN 'rental'
                WHEN b.kind = 'adjustment' THEN 'adjustment'
                ELSE 'other' END AS kind,
           CASE WHEN b.attempt_id IS NULL THEN b.id::text
                WHEN %(detail)s = 'day' THEN to_char(b.since AT TIME ZONE %(zone)s, 'YYYY-MM-DD')
                ELSE coalesce(c.number, '') END AS what,
           CASE WHEN b.since < %(starts_at)s
                THEN to_char(b.since AT TIME ZONE %(zone)s, 'YYYY-MM') ELSE '' END AS late
    FROM billable b
    LEFT JOIN cdr_cdr c ON c.attempt_id = b.attempt_id AND c.started_at = b.started_at
    LEFT JOIN cdr_chargedleg l ON l.attempt_id = b.attempt_id AND l.leg = b.leg
)
"""  # noqa: S608 - the texts are this file's own
LINES = (
    ENTRIES
    + """
SELECT row_number() OVER (ORDER BY kind, what, late), kind, what, late, count(*) FILTER (WHERE is_call),
       coalesce(sum(charged_seconds) FILTER (WHERE is_call), 0),
       coalesce(sum(free_seconds) FILTER (WHERE is_call), 0), -sum(amount), min(note)
FROM grouped GROUP BY kind, what, late
"""
)
# By its rank, not by a join: what it would be joined with has no statistics, and 100,000 entries took minutes.
LINK = (
    ENTRIES
    + """
INSERT INTO invoices_invoicedentry (entry_id, line_id, released)
SELECT id, (%(lines)s::bigint[])[dense_rank() OVER (ORDER BY kind, what, late)], false FROM grouped
"""
)
MISMATCHED = """
SELECT count(*) FROM (
    SELECT FROM invoices_invoiceline l
    LEFT JOIN invoices_invoicedentry d ON d.line_id = l.id LEFT JOIN billing_ledgerentry e ON e.id = d.entry_id
    WHERE l.invoice_id = %s GROUP BY l.id, l.amount HAVING l.amount <> -coalesce(sum(e.amount), 0)
) AS wrong
"""
# What no invoice has billed yet, of any time.
OPEN = f"""
SELECT coalesce(sum(e.amount), 0) FROM billing_ledgerentry e
WHERE e.balance_id = %s AND e.id <= %s AND {BILLED} AND {UNBILLED}
"""  # noqa: S608 - the texts are this file's own
LAST = "SELECT max(id), max(at) FROM billing_ledgerentry WHERE balance_id = %s"
# By time too, in which entries stand as by id: the index then leads to the few that are meant.
SINCE = f"""
SELECT coalesce(sum(e.amount), 0), coalesce(bool_or(e.at < %(ends_at)s), false) FROM billing_ledgerentry e
WHERE e.balance_id = %(balance)s AND e.at >= %(at)s AND e.id > %(last)s AND {BILLED}
"""  # noqa: S608 - the texts are this file's own
ORDER = {kind: place for place, kind in enumerate(LineKind)}


@dataclass(frozen=True)
class Group:
    """Entries that one line sums up: their kind, what they have in common, and the month they come late from.

    ``rank`` is their place in the database's own order.
    """

    rank: int
    kind: LineKind
    what: str
    late: str
    description: str
    quantity: Decimal | None
    unit: str
    amount: Decimal

    def line(self, invoice: Invoice, position: int) -> InvoiceLine:
        """Return the line."""
        return InvoiceLine(
            invoice=invoice, position=position, kind=self.kind, description=self.description,
            quantity=self.quantity, unit=self.unit, amount=self.amount, late=bool(self.late),
        )  # fmt: skip


class LastEntry(NamedTuple):
    """The newest entry of a balance; the ids of a balance's entries are in the order of their commits."""

    id: int
    at: dt.datetime


def last_entry(balance_id: int) -> LastEntry:
    """Return the newest entry of a balance; one before all others where it has none."""
    with connection.cursor() as cursor:
        cursor.execute(LAST, [balance_id])
        id_, at = cursor.fetchone()
    return LastEntry(id_ or 0, at or dt.datetime(1970, 1, 1, tzinfo=dt.UTC))


def groups_of(invoice: Invoice, detail: str, last: LastEntry) -> list[Group]:
    """Return what an invoice of this account and period would bill of the entries up to ``last``, in their order."""
    with connection.cursor() as cursor:
        cursor.execute(LINES, _values(invoice, detail, last))
        groups = [_group(row, detail) for row in cursor.fetchall()]
    return sorted(groups, key=lambda group: (ORDER[group.kind], group.what.zfill(20), group.late))


def link_entries(invoice: Invoice, detail: str, lines: Sequence[tuple[Group, InvoiceLine]], last: LastEntry) -> None:
    """Note which line bills which entry, of those up to ``last``, by which the groups were read too."""
    by_rank = [line.pk for group, line in sorted(lines, key=lambda pair: pair[0].rank)]
    with connection.cursor() as cursor:
        cursor.execute(LINK, _values(invoice, detail, last) | {"lines": by_rank})
        cursor.execute(MISMATCHED, [invoice.pk])
        if cursor.fetchone()[0]:
            raise ArithmeticError(f"The lines of {invoice} are not what their entries sum up to.")


def unbilled_sum(balance_id: int, last: LastEntry | None = None) -> Decimal:
    """Return the sum of a balance's entries, up to ``last``, that no invoice bills yet; charges are below zero."""
    with connection.cursor() as cursor:
        cursor.execute(OPEN, [balance_id, (last or last_entry(balance_id)).id])
        return cursor.fetchone()[0]


def booked_since(invoice: Invoice, last: LastEntry) -> tuple[Decimal, bool]:
    """Return the sum of what was booked after ``last`` and is to be billed, and whether this invoice should bill it."""
    with connection.cursor() as cursor:
        cursor.execute(
            SINCE,
            {
                "balance": invoice.account.balance_id, "ends_at": invoice.ends_at,
                "at": last.at, "last": last.id,
            },
        )  # fmt: skip
        return cursor.fetchone()


def _values(invoice: Invoice, detail: str, last: LastEntry) -> dict[str, Any]:
    return {
        "balance": invoice.account.balance_id, "starts_at": invoice.starts_at, "ends_at": invoice.ends_at,
        "zone": invoice.time_zone, "detail": detail, "last": last.id,
    }  # fmt: skip


def _group(row: tuple[Any, ...], detail: str) -> Group:
    rank, kind, what, late, calls, seconds, free, amount, note = row
    quantity, unit = None, ""
    if kind == LineKind.CALLS:
        words = _calls(what, calls, detail)
        quantity, unit = _minutes(seconds), "min"
        if free:
            words = f"{words}, of these {quantity_text(_minutes(free))} min free"
    else:
        words = note or LineKind(kind).label
    if late:
        month = dt.datetime.strptime(late, "%Y-%m")
        words = f"{words} (of {month:%B %Y})"
    return Group(rank, LineKind(kind), what, late, words[:300], quantity, unit, amount)


def quantity_text(quantity: Decimal) -> str:
    """Return a quantity with two decimals and spaces between thousands."""
    return f"{quantity:,.2f}".replace(",", "\u202f").replace("-", "−")


def _minutes(seconds: int) -> Decimal:
    return (Decimal(seconds) / 60).quantize(Decimal("0.01"))


def _calls(what: str, calls: int, detail: str) -> str:
    if detail == LineDetail.DAY:
        day = dt.date.fromisoformat(what)
        on = f"{day.day} {day:%B %Y}"
    else:
        on = format_number(what) if what else "Numbers no longer recorded"
    count = f"{calls:,} {'call' if calls == 1 else 'calls'}".replace(",", "\u202f") if calls else "corrections"
    return f"{on}: {count}"


def lines_sum(groups: Iterable[Group]) -> Decimal:
    """Return the exact sum of the lines."""
    return sum((group.amount for group in groups), Decimal("0.000000"))
