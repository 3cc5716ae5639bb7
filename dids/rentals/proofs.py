"""What only rentals can prove of the ledger: each booked charge has its entry, and each rental entry its charge."""

from collections.abc import Iterable

from django.db import connection

from billing.ledger import Difference, register_proof

# In one statement, so in one snapshot: a charge and its entry are committed together.
CHARGES = """
SELECT coalesce(c.balance_id, e.balance_id), c.id, e.id, c.amount, e.amount
FROM (SELECT id, entry_id, balance_id, CASE side WHEN 'sold' THEN -amount ELSE amount END AS amount
      FROM rentals_rentalcharge WHERE charged_at IS NOT NULL) c
FULL JOIN (SELECT id, balance_id, amount FROM billing_ledgerentry
           WHERE attempt_id IS NULL AND idempotency_key LIKE 'rental:%') e ON e.id = c.entry_id
WHERE c.id IS NULL OR e.id IS NULL OR c.amount <> e.amount OR c.balance_id <> e.balance_id
ORDER BY 1, 2, 3
"""


@register_proof
def prove_rentals() -> Iterable[Difference]:
    """Yield each rental charge that the ledger has not as it stands, and each rental entry that no charge explains."""
    with connection.cursor() as cursor:
        cursor.execute(CHARGES)
        for balance_id, charge, entry, charged, booked in cursor.fetchall():
            if charge is None:
                words = f"Ledger entry {entry} of {booked} is of a rental, but no rental charge explains it"
            else:
                words = f"Rental charge {charge} says {charged}, the ledger of balance {balance_id} has {booked or 0}"
            yield Difference(words, balance_id=balance_id)
