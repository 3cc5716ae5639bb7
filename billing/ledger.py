"""Proof that the books are right; every difference is named.

Here: each balance is the sum of its entries, in the order they were booked, and each reserve the sum of what is held.
Apps above register what only they can prove (cdr.proofs: the legs of CDRs are in the ledger, what is held is for calls
that live).
"""

import dataclasses
import uuid
from collections.abc import Callable, Iterable
from decimal import Decimal

from django.db import connection

# One pass per table, one snapshot for both sides: a payment made meanwhile is either in both sums or in neither.
# The running sum checks balance_after too; entries of one balance are written under its lock, so ids are in order.
CHECK = """
WITH running AS (
    SELECT id, balance_id, amount, balance_after, at,
           sum(amount) OVER entries AS running, lag(at) OVER entries AS before
    FROM billing_ledgerentry WINDOW entries AS (PARTITION BY balance_id ORDER BY id)
), entries AS (
    SELECT balance_id, sum(amount) AS total, min(id) FILTER (WHERE balance_after <> running) AS first_wrong,
           min(id) FILTER (WHERE at < before) AS first_early
    FROM running GROUP BY balance_id
), held AS (
    SELECT balance_id, sum(amount) AS total FROM billing_reservation WHERE state = 'held' GROUP BY balance_id
)
SELECT b.id, b.currency, b.amount, coalesce(e.total, 0), e.first_wrong, e.first_early, b.reserved, coalesce(h.total, 0)
FROM billing_balance b
LEFT JOIN entries e ON e.balance_id = b.id
LEFT JOIN held h ON h.balance_id = b.id
WHERE b.amount <> coalesce(e.total, 0) OR e.first_wrong IS NOT NULL OR e.first_early IS NOT NULL
   OR b.reserved <> coalesce(h.total, 0)
ORDER BY b.id
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """Something that does not add up, in words, and what it is about: a balance, a call, or a call's balance."""

    words: str
    balance_id: int | None = None
    attempt_id: uuid.UUID | None = None

    def __str__(self) -> str:
        return self.words


Proof = Callable[[], Iterable[Difference]]
_proofs: list[Proof] = []


def register_proof(proof: Proof) -> Proof:
    """Add a proof of an app above; it returns the differences it finds."""
    if proof not in _proofs:
        _proofs.append(proof)
    return proof


def check_ledger() -> list[Difference]:
    """Return everything that does not add up."""
    return [difference for proof in (prove_balances, *_proofs) for difference in proof()]


def prove_balances() -> Iterable[Difference]:
    """Yield every balance whose amount, running balance or reserve is not what its rows add up to."""
    with connection.cursor() as cursor:
        cursor.execute(CHECK)
        rows = cursor.fetchall()
    for balance_id, currency, *figures in rows:
        yield Difference(f"Balance {balance_id} ({currency}): {_words(*figures)}", balance_id)


def _words(
    amount: Decimal,
    entries: Decimal,
    first_wrong: int | None,
    first_early: int | None,
    reserved: Decimal,
    held: Decimal,
) -> str:
    parts = []
    if amount != entries:
        parts.append(f"amount {amount}, entries sum to {entries}")
    if first_wrong is not None:
        parts.append(f"running balance wrong from entry {first_wrong}")
    if first_early is not None:
        parts.append(f"entry {first_early} is booked before the one it follows")
    if reserved != held:
        parts.append(f"reserved {reserved}, held reservations sum to {held}")
    return "; ".join(parts)
