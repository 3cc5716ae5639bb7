"""Proof that the books are right: each balance is the sum of its entries, each reserve the sum of its reservations."""

import dataclasses
from decimal import Decimal

from django.db import connection

# One pass per table, one snapshot for both sides: a payment made meanwhile is either in both sums or in neither.
# The running sum checks balance_after too; entries of one balance are written under its lock, so ids are in order.
CHECK = """
WITH running AS (
    SELECT id, balance_id, amount, balance_after,
           sum(amount) OVER (PARTITION BY balance_id ORDER BY id) AS running
    FROM billing_ledgerentry
), entries AS (
    SELECT balance_id, sum(amount) AS total, min(id) FILTER (WHERE balance_after <> running) AS first_wrong
    FROM running GROUP BY balance_id
), held AS (
    SELECT balance_id, sum(amount) AS total FROM billing_reservation WHERE state = 'held' GROUP BY balance_id
)
SELECT b.id, b.currency, b.amount, coalesce(e.total, 0), e.first_wrong, b.reserved, coalesce(h.total, 0)
FROM billing_balance b
LEFT JOIN entries e ON e.balance_id = b.id
LEFT JOIN held h ON h.balance_id = b.id
WHERE b.amount <> coalesce(e.total, 0) OR e.first_wrong IS NOT NULL OR b.reserved <> coalesce(h.total, 0)
ORDER BY b.id
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Discrepancy:
    """One balance that its entries or reservations do not explain."""

    balance_id: int
    currency: str
    amount: Decimal
    entries_total: Decimal
    first_wrong_entry: int | None
    reserved: Decimal
    held_total: Decimal

    def __str__(self) -> str:
        parts = []
        if self.amount != self.entries_total:
            parts.append(f"amount {self.amount}, entries sum to {self.entries_total}")
        if self.first_wrong_entry is not None:
            parts.append(f"running balance wrong from entry {self.first_wrong_entry}")
        if self.reserved != self.held_total:
            parts.append(f"reserved {self.reserved}, held reservations sum to {self.held_total}")
        return f"Balance {self.balance_id} ({self.currency}): {'; '.join(parts)}"


def check_ledger() -> list[Discrepancy]:
    """Return every balance whose amount, running balance or reserve is not what its rows add up to."""
    with connection.cursor() as cursor:
        cursor.execute(CHECK)
        return [Discrepancy(*row) for row in cursor.fetchall()]
