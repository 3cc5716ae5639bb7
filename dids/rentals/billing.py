"""Charge rentals: each period once, whether the task runs twice, two at once, late, or after a week.

Two steps, each in transactions of their own and each safe to repeat. First periods fall due: a charge row per period,
in the transaction that moves its term's ``next_due_at`` on. Then charges are booked: what we owe carriers at once,
what accounts owe in the order it fell due, as far as their funds reach.
"""

import datetime as dt
from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from billing.choices import EntryKind
from billing.models import Balance
from billing.posting import LARGEST, Posting, lock_balances, post
from billing.selectors import owner_of
from core.bulk import insert_rows
from core.render import money_text
from dids.plans.choices import RentalSide
from dids.rentals.choices import ChargeKind
from dids.rentals.models import RentalCharge
from dids.rentals.periods import Paid, Price, Step, Term, closing_step, next_step
from systemlog.choices import Category, Severity
from systemlog.entries import ref, write_entries
from systemlog.models import LogEntry

log = structlog.get_logger(__name__)

TERMS_AT_ONCE = 2_000
# Balances are locked while a portion is booked, and calls are charged to them too: a tenth of a second or two.
CHARGES_AT_ONCE = 2_000
BALANCES_AT_ONCE = 200

# SKIP LOCKED: two that run at once share the work, and a term that is being closed at this moment waits for the next
# run. Terms of one number are billed in order, so that a later one knows what the earlier one was charged.
LOCK_DUE = """
SELECT t.id FROM rentals_rentalterm t WHERE t.next_due_at <= %s AND t.id > %s AND NOT EXISTS (
    SELECT 1 FROM rentals_rentalterm e
    WHERE e.did_id = t.did_id AND e.side = t.side AND e.id < t.id AND e.next_due_at IS NOT NULL
)
ORDER BY t.id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
"""
# Read by a statement of its own, so that it sees what the lock has waited for. The plan is that which the DID had, and
# the fees those which the plan had, when the period began: the newest versions not after it. Where a clock was set back
# in between there may be none; then the oldest.
DUE = """
SELECT t.id, t.did_id, d.number, t.side, t.carrier_id, t.account_id, t.balance_id,
       t.since, t.until, t.begun, t.billed_through, t.next_due_at,
       p.pgh_obj_id, p.name, p.currency, p.setup_fee, p.monthly_fee, p.free_days, p.first_period,
       (SELECT max(e.billed_through) FROM rentals_rentalterm e
        WHERE NOT t.begun AND e.did_id = t.did_id AND e.side = t.side AND e.id < t.id
          AND e.balance_id = t.balance_id) AS paid_through
FROM rentals_rentalterm t
JOIN dids_did d ON d.id = t.did_id
LEFT JOIN LATERAL (
    SELECT CASE t.side WHEN 'bought' THEN v.bought_plan_id ELSE v.sold_plan_id END AS plan_id
    FROM dids_didevent v WHERE v.pgh_obj_id = t.did_id AND v.pgh_created_at <= t.next_due_at
    ORDER BY v.pgh_id DESC LIMIT 1
) v ON true
LEFT JOIN LATERAL (
    SELECT * FROM rental_plans_rentalplanevent p
    WHERE p.pgh_obj_id = coalesce(v.plan_id, CASE t.side WHEN 'bought' THEN d.bought_plan_id ELSE d.sold_plan_id END)
    ORDER BY p.pgh_created_at <= t.next_due_at DESC,
             CASE WHEN p.pgh_created_at <= t.next_due_at THEN -p.pgh_id ELSE p.pgh_id END LIMIT 1
) p ON true
WHERE t.id = ANY(%s) AND t.next_due_at <= %s ORDER BY t.id
"""
LAST_MONTHS = """
SELECT DISTINCT ON (term_id) term_id, first, last, of_days, fee, amount, plan_id, plan_name, currency
FROM rentals_rentalcharge WHERE term_id = ANY(%s) AND kind = 'monthly' ORDER BY term_id, first DESC
"""
MOVE_ON = """
UPDATE rentals_rentalterm t SET begun = true, billed_through = m.billed_through, next_due_at = m.next_due_at
FROM unnest(%s::bigint[], %s::date[], %s::timestamptz[]) AS m (id, billed_through, next_due_at) WHERE t.id = m.id
"""
CHARGE_COLUMNS = (
    "term_id", "did_id", "number", "side", "carrier_id", "account_id", "balance_id", "kind", "first", "last", "days",
    "of_days", "plan_id", "plan_name", "fee", "amount", "currency", "due_at",
)  # fmt: skip

OWING = """
SELECT DISTINCT c.balance_id FROM rentals_rentalcharge c JOIN billing_balance b ON b.id = c.balance_id
WHERE c.charged_at IS NULL AND c.balance_id > %s
  AND (c.side = 'bought' OR c.amount <= b.amount + b.credit_limit - b.reserved)
ORDER BY c.balance_id LIMIT %s
"""
# What an account's funds reach for, oldest first: a charge behind one that finds no funds waits with it. Refunds, and
# what we owe a carrier, need none.
PAYABLE = """
SELECT c.id FROM (
    SELECT c.id, c.balance_id, c.due_at, c.side, c.amount, sum(c.amount)
               OVER (PARTITION BY c.balance_id, c.side ORDER BY c.amount >= 0, c.due_at, c.id) AS needed
    FROM rentals_rentalcharge c WHERE c.charged_at IS NULL AND c.balance_id = ANY(%s) AND c.id <> ALL(%s)
) c JOIN billing_balance b ON b.id = c.balance_id
WHERE c.side = 'bought' OR c.amount <= 0 OR c.needed <= b.amount + b.credit_limit - b.reserved
ORDER BY c.balance_id, c.amount >= 0, c.due_at, c.id LIMIT %s
"""
BOOKED = """
UPDATE rentals_rentalcharge c SET charged_at = %s, entry_id = e.entry_id
FROM unnest(%s::bigint[], %s::bigint[]) AS e (id, entry_id) WHERE c.id = e.id
"""


class DueTerm(NamedTuple):
    """A term with something to do, and the price of its next period."""

    id: int
    did_id: int
    number: str
    side: str
    carrier_id: int | None
    account_id: int | None
    balance_id: int
    term: Term
    price: Price | None
    paid_through: dt.date | None


def make_due(now: dt.datetime | None = None) -> int:
    """Write a charge for every period that has begun by ``now``; return how many.

    One period of each term at a time, until none is left: after an outage of months each of them is charged at the
    price that it began under.
    """
    now = now or timezone.now()
    made, after = 0, 0
    progressed = False
    while True:
        with transaction.atomic():
            terms = _due_terms(now, after)
            if terms:
                made += _charge(terms)
        if terms:
            after = terms[-1].id
            progressed = progressed or any(map(_is_priced, terms))
        elif progressed:
            after, progressed = 0, False
        else:
            return made


def _due_terms(now: dt.datetime, after: int) -> list[DueTerm]:
    with connection.cursor() as cursor:
        cursor.execute(LOCK_DUE, [now, after, TERMS_AT_ONCE])
        ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return []
        cursor.execute(DUE, [ids, now])
        return [
            DueTerm._make((*row[:7], Term(*row[7:12]), Price(*row[12:19]) if row[12] is not None else None, row[19]))
            for row in cursor.fetchall()
        ]


def _charge(terms: list[DueTerm]) -> int:
    """Write what the locked terms owe for their next period, and move them on."""
    terms = [due for due in terms if _is_priced(due)]
    over = [due for due in terms if due.term.until is not None and due.term.next_due_at >= due.term.until]
    last_months = _last_months([due.id for due in over]) if settings.RENTAL_REFUND_UNUSED else {}
    steps = [(due, _step(due, last_months.get(due.id))) for due in terms]
    rows = [row for due, step in steps for row in _rows(due, step)]
    insert_rows(RentalCharge, CHARGE_COLUMNS, rows)
    with connection.cursor() as cursor:
        cursor.execute(
            MOVE_ON,
            [
                [due.id for due, _ in steps],
                [step.billed_through for _, step in steps],
                [step.next_due_at for _, step in steps],
            ],
        )
    return len(rows)


def _is_priced(due: DueTerm) -> bool:
    """Tell whether a term can be charged: one whose history somebody has deleted must not stop all others."""
    if due.price is None and (due.term.until is None or due.term.next_due_at < due.term.until):
        log.error("a rental has no price", term=due.id, number=due.number, at=due.term.next_due_at.isoformat())
        return False
    return True


def _last_months(term_ids: list[int]) -> dict[int, Paid]:
    if not term_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(LAST_MONTHS, [term_ids])
        return {row[0]: Paid(*row[1:]) for row in cursor.fetchall()}


def _step(due: DueTerm, paid: Paid | None) -> Step:
    term = due.term
    if term.until is not None and term.next_due_at >= term.until:
        return closing_step(term, paid, refund=settings.RENTAL_REFUND_UNUSED)
    assert due.price is not None
    return next_step(term, due.price, paid_through=due.paid_through)


def _rows(due: DueTerm, step: Step) -> Iterator[dict[str, Any]]:
    for charge in step.dues:
        yield {
            "term_id": due.id, "did_id": due.did_id, "number": due.number, "side": due.side,
            "carrier_id": due.carrier_id, "account_id": due.account_id, "balance_id": due.balance_id,
            **charge._asdict(), "due_at": due.term.next_due_at,
        }  # fmt: skip


def book_charges(now: dt.datetime | None = None) -> int:
    """Book what is due and payable in the ledger; return how many charges found their money."""
    now = now or timezone.now()
    booked, after = 0, 0
    while balances := _owing(after):
        refused: set[int] = set()
        while True:
            with transaction.atomic():
                found, beyond = _book(balances, refused, now)
            booked += found
            refused |= beyond
            if found + len(beyond) < CHARGES_AT_ONCE:
                break
        after = balances[-1]
    return booked


def _owing(after: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(OWING, [after, BALANCES_AT_ONCE])
        return [row[0] for row in cursor.fetchall()]


def _book(balances: list[int], refused: Collection[int], now: dt.datetime) -> tuple[int, set[int]]:
    """Book a portion of what these balances owe; return how many charges, and which no balance can hold.

    ``refused`` are such charges, left where they are: they must keep nobody else's from being booked.
    """
    # Funds are read under the lock: neither a call's reservation nor another run of this task can spend them too.
    locked = lock_balances(balances)
    with connection.cursor() as cursor:
        cursor.execute(PAYABLE, [balances, list(refused), CHARGES_AT_ONCE])
        ids = [row[0] for row in cursor.fetchall()]
    if not ids:
        return 0, set()
    charges, beyond = [], []
    amounts = {balance.id: balance.amount for balance in locked.values()}
    for charge in RentalCharge.objects.filter(pk__in=ids).order_by("balance_id", "due_at", "pk"):
        amount = _posting(charge).amount
        if max(abs(amount), abs(amounts[charge.balance_id] + amount)) >= LARGEST:
            beyond.append(charge)
        else:
            amounts[charge.balance_id] += amount
            charges.append(charge)
    _tell_beyond(beyond, now)
    entries = post([_posting(charge) for charge in charges])
    with connection.cursor() as cursor:
        cursor.execute(BOOKED, [now, [charge.pk for charge in charges], [entry.pk for entry in entries]])
    _log(charges, now)
    return len(charges), {charge.pk for charge in beyond}


def _tell_beyond(charges: list[RentalCharge], now: dt.datetime) -> None:
    """Say in the System Log which charges no balance can hold, each once a day: this runs every minute."""
    if not charges:
        return
    today = LogEntry.objects.filter(reason="rental_not_charged", at__gt=now - dt.timedelta(days=1), at__lte=now)
    told = set(today.values_list("message", flat=True))
    owners = Balance.objects.select_related("carrier", "account__client").in_bulk({one.balance_id for one in charges})
    entries = []
    for charge in charges:
        kind, owner = owner_of(owners[charge.balance_id])
        words = (
            f"{charge.words}: {money_text(charge.amount)} {charge.currency} could not be booked for {kind} "
            f"{owner or charge.balance_id}: the balance would have more digits than it holds."
        )
        if words not in told:
            entries.append(
                LogEntry(
                    at=now,
                    category=Category.BILLING,
                    severity=Severity.ERROR,
                    reason="rental_not_charged",
                    message=words,
                    refs=ref(kind, owner.pk, str(owner)) if owner else [],
                    number=charge.number,
                )
            )
    write_entries(entries)


def _log(charges: list[RentalCharge], now: dt.datetime) -> None:
    """Write one entry for each balance: a line for each of its numbers would bury everything else."""
    of_balance: dict[int, list[RentalCharge]] = {}
    for charge in charges:
        of_balance.setdefault(charge.balance_id, []).append(charge)
    owners = Balance.objects.select_related("carrier", "account__client").in_bulk(list(of_balance))
    entries = []
    for balance_id, own in of_balance.items():
        kind, owner = owner_of(owners[balance_id])
        name = f"{owner.client} › {owner}" if kind == "account" else str(owner)
        numbers = len({charge.did_id for charge in own})
        what = own[0].words if len(own) == 1 else f"Rentals of {numbers:,} number{'' if numbers == 1 else 's'}"
        entries.append(
            LogEntry(
                at=now,
                category=Category.BILLING,
                severity=Severity.INFO,
                reason="rental",
                message=f"{what}: {money_text(sum((one.amount for one in own), Decimal(0)))} {own[0].currency} "
                f"{'charged to' if kind == 'account' else 'owed to'} {kind} {name}.",
                refs=ref(kind, owner.pk, name) if owner else [],
                number=own[0].number if numbers == 1 else "",
            )
        )
    write_entries(entries)


def _posting(charge: RentalCharge) -> Posting:
    """Return the movement: what an account pays lowers its balance; what we owe a carrier raises the carrier's."""
    amount: Decimal = -charge.amount if charge.side == RentalSide.SOLD else charge.amount
    kind = EntryKind.REFUND if charge.kind == ChargeKind.REFUND else EntryKind.RENTAL
    return Posting(charge.balance_id, kind, amount, charge.key, note=charge.words)
