"""Move balances: the only code that writes ledger entries.

Whoever moves money (payments, adjustments, call charges, rentals, invoices) hands its movements to :func:`post` inside
its own transaction, as late in it as it can: balances stay locked until the commit, and a carrier's may be hot.

Locks are taken in one order everywhere, by :func:`lock_balances`. Whoever also changes what a balance has reserved in
the same transaction locks all balances of both first, by one call; locking them again then costs nothing.
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from billing.choices import EntryKind
from billing.models import Balance, LedgerEntry
from core.bulk import insert_rows
from core.fields import MONEY_STEP
from core.models import User

LARGEST = Decimal("999999999999")  # NUMERIC(18,6) holds twelve digits before the point.

RECEIPTS = 0x72656369  # 'reci' in ASCII; any number that no other advisory lock of this database uses

# What an UPDATE of these columns takes too; a stronger lock would wait for whoever only refers to the balance. The row
# comes back as it stands after the wait.
LOCK = """
SELECT id, currency, amount, moved_at FROM billing_balance WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""
MOVE = """
UPDATE billing_balance AS b SET amount = moved.amount, moved_at = moved.at
FROM unnest(%s::bigint[], %s::numeric[], %s::timestamptz[]) AS moved (id, amount, at) WHERE b.id = moved.id
"""
Row = dict[str, Any]


class CallLeg(NamedTuple):
    """The leg of a call that an entry charges: the CDR's key, and whose leg it is."""

    attempt_id: uuid.UUID
    started_at: dt.datetime
    leg: str


class Posting(NamedTuple):
    """One movement of a balance: above zero raises it, below zero lowers it (a charge of x is -x).

    ``key`` makes it count once, whoever posts it again. ``at`` is when it is booked: now, where nothing
    or a later instant is given.
    """

    balance_id: int
    kind: EntryKind
    amount: Decimal
    key: str
    at: dt.datetime | None = None
    note: str = ""
    actor: User | None = None
    call: CallLeg | None = None
    refund_of: int | None = None


class LockedBalance(NamedTuple):
    """What a balance held when it was locked."""

    id: int
    currency: str
    amount: Decimal
    moved_at: dt.datetime | None


def lock_balances(ids: Iterable[int]) -> dict[int, LockedBalance]:
    """Lock these balances, in order of id, until the transaction ends; return those that exist, as they stand."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    assert connection.in_atomic_block, "money moves inside a transaction"
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [wanted])
        return {row[0]: LockedBalance(*row) for row in cursor.fetchall()}


def post(postings: Sequence[Posting]) -> list[LedgerEntry]:
    """Write these movements as ledger entries and move their balances; return the entries in the same order.

    Runs inside the caller's transaction. What is posted already is not posted again: its entry is returned. Entries of
    one balance are booked in the order given, never before the balance's last one, so that a statement by time is in
    the order of its running balance even where a clock steps back.

    Raise ValidationError for a key that was used for another movement, or an amount a balance cannot hold.
    """
    fresh, known = _post(postings, lock_balances(posting.balance_id for posting in postings))
    entries = known | {key: LedgerEntry(**row) for key, row in fresh}
    for key, _ in fresh:
        entries[key]._state.adding = False
    return [entries[posting.key] for posting in postings]


def post_many(postings: Sequence[Posting], balances: Mapping[int, LockedBalance]) -> None:
    """Do what :func:`post` does on balances just locked, for whom hundreds of entries are of no use: calls' charges."""
    _post(postings, dict(balances))


def _post(
    postings: Sequence[Posting], balances: dict[int, LockedBalance]
) -> tuple[list[tuple[str, Row]], dict[str, LedgerEntry]]:
    """Return the rows of new entries, and those that stood already, each by its key."""
    if not postings:
        return [], {}
    keys = [posting.key for posting in postings]
    known = {entry.idempotency_key: entry for entry in LedgerEntry.objects.filter(idempotency_key__any=keys)}
    made: dict[str, tuple[int, str, Decimal]] = {
        entry.idempotency_key: (entry.balance_id, entry.kind, entry.amount) for entry in known.values()
    }
    now = timezone.now()
    rows: list[Row] = []
    for posting in postings:
        amount = _amount(posting)
        movement = (posting.balance_id, posting.kind.value, amount)
        if made.setdefault(posting.key, movement) is movement:
            rows.append(_row(posting, amount, balances, now))
        elif made[posting.key] != movement:
            raise ValidationError(f"The key {posting.key} has already been used for another entry.", code="key_used")
    return _write(rows, balances), known


def _amount(posting: Posting) -> Decimal:
    """Return the amount as the ledger holds it, with six places."""
    if not posting.amount.is_finite() or abs(posting.amount) >= LARGEST:
        raise ValidationError({"amount": "This amount has more digits than a balance holds."})
    return posting.amount.quantize(MONEY_STEP, rounding=ROUND_HALF_UP)


def _row(posting: Posting, amount: Decimal, balances: dict[int, LockedBalance], now: dt.datetime) -> Row:
    """Return the row of a new movement, and let ``balances`` hold what stands after it."""
    if posting.balance_id not in balances:
        raise Balance.DoesNotExist(f"There is no balance {posting.balance_id}.")
    balance = balances[posting.balance_id]
    after = balance.amount + amount
    if abs(after) >= LARGEST:
        raise ValidationError({"amount": "The balance would have more digits than it holds."})
    # Never ahead of the clock either: all that follows would be booked there.
    at = min(posting.at, now) if posting.at else now
    if balance.moved_at is not None and balance.moved_at > at:
        at = balance.moved_at
    balances[posting.balance_id] = LockedBalance(balance.id, balance.currency, after, at)
    attempt_id, started_at, leg = posting.call or (None, None, "")
    return {
        "balance_id": posting.balance_id,
        "kind": posting.kind.value,
        "amount": amount,
        "balance_after": after,
        "idempotency_key": posting.key,
        "at": at,
        "note": posting.note.strip(),
        "actor_id": posting.actor.pk if posting.actor else None,
        "attempt_id": attempt_id,
        "started_at": started_at,
        "leg": leg,
        "receipt_number": None,
        "refund_of_id": posting.refund_of,
    }


def _number_receipts(rows: list[Row]) -> None:
    """Give payments their receipt numbers, which have no gaps: a payment that is rolled back gives its number back."""
    payments = [row for row in rows if row["kind"] == EntryKind.PAYMENT.value]
    if not payments:
        return
    with connection.cursor() as cursor:
        # One at a time, until the commit; the statement after the lock sees what was committed while it waited.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [RECEIPTS])
        cursor.execute("SELECT coalesce(max(receipt_number), 0) FROM billing_ledgerentry")
        last = cursor.fetchone()[0]
    for number, row in enumerate(payments, last + 1):
        row["receipt_number"] = number


def _write(rows: list[Row], balances: dict[int, LockedBalance]) -> list[tuple[str, Row]]:
    """Insert entries, give them their ids, and bring each balance to where its last one left it, by one UPDATE."""
    if not rows:
        return []
    _number_receipts(rows)
    ids = dict(insert_rows(LedgerEntry, tuple(rows[0]), rows, returning="idempotency_key, id"))
    moved = [balances[id_] for id_ in sorted({row["balance_id"] for row in rows})]
    with connection.cursor() as cursor:
        cursor.execute(MOVE, [[b.id for b in moved], [b.amount for b in moved], [b.moved_at for b in moved]])
    return [(row["idempotency_key"], {"id": ids[row["idempotency_key"]], **row}) for row in rows]
