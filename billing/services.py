"""Balances and their ledgers: money moves by entries only, each written once and in the balance's own transaction."""

from decimal import ROUND_HALF_UP, Decimal

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.choices import EntryKind
from billing.models import Balance, LedgerEntry, currency_code
from core.fields import ZERO
from core.models import User

MONEY_STEP = Decimal("0.000001")
LARGEST = Decimal("999999999999")  # NUMERIC(18,6) holds twelve digits before the point.


def open_balance(*, currency: str, credit_limit: Decimal = ZERO) -> Balance:
    """Create an empty balance in ``currency`` (ISO 4217). Raise ValidationError on a malformed value."""
    currency = currency.strip().upper()
    currency_code(currency)
    if credit_limit < 0:
        raise ValidationError({"credit_limit": "A credit limit is not negative."})
    return Balance.objects.create(currency=currency, credit_limit=credit_limit)


def record_payment(
    *, actor: User, balance: Balance, amount: Decimal, idempotency_key: str, note: str = ""
) -> LedgerEntry:
    """Raise ``balance`` by a payment and return its entry; the same key twice gives the same, single entry.

    Raise ValidationError for an amount that is no payment, or for a key that has been used for another one.
    """
    if not amount.is_finite() or amount <= 0:
        raise ValidationError({"amount": "A payment is more than zero."})
    return record_entry(
        actor=actor,
        balance=balance,
        kind=EntryKind.PAYMENT,
        amount=amount,
        idempotency_key=f"payment:{idempotency_key}",
        note=note,
    )


def record_adjustment(
    *, actor: User, balance: Balance, amount: Decimal, idempotency_key: str, note: str
) -> LedgerEntry:
    """Correct ``balance`` up or down, with the reason in ``note``; administrators only.

    Raise PermissionDenied for anybody else, ValidationError for no amount or no reason.
    """
    if not actor.is_administrator:
        raise PermissionDenied("Only an administrator adjusts a balance.")
    if not amount.is_finite() or amount == 0:
        raise ValidationError({"amount": "An adjustment is not zero."})
    if not note.strip():
        raise ValidationError({"note": "Say why the balance is adjusted."})
    return record_entry(
        actor=actor,
        balance=balance,
        kind=EntryKind.ADJUSTMENT,
        amount=amount,
        idempotency_key=f"adjustment:{idempotency_key}",
        note=note,
    )


def record_entry(
    *, actor: User | None, balance: Balance, kind: EntryKind, amount: Decimal, idempotency_key: str, note: str = ""
) -> LedgerEntry:
    """Write one ledger entry and move its balance with it, under the balance's lock, once per key.

    ``actor`` is None where no person acts (charges). ``balance`` itself is refreshed to the amount that now stands.
    """
    amount = amount.quantize(MONEY_STEP, rounding=ROUND_HALF_UP)
    if abs(amount) >= LARGEST:
        raise ValidationError({"amount": "This amount has more digits than a balance holds."})
    try:
        with transaction.atomic():
            # The lock comes before the look at the key: a second submission waits here, then finds the first's entry.
            locked = Balance.objects.select_for_update().get(pk=balance.pk)
            entry = LedgerEntry.objects.filter(idempotency_key=idempotency_key).first()
            if entry is None:
                if abs(locked.amount + amount) >= LARGEST:
                    raise ValidationError({"amount": "The balance would have more digits than it holds."})
                locked.amount += amount
                entry = LedgerEntry.objects.create(
                    balance=locked,
                    kind=kind,
                    amount=amount,
                    balance_after=locked.amount,
                    idempotency_key=idempotency_key,
                    at=timezone.now(),
                    note=note.strip(),
                    actor=actor,
                )
                locked.save(update_fields=["amount"])
    except IntegrityError:
        # Another balance's entry took the key between our look and our insert.
        entry = LedgerEntry.objects.filter(idempotency_key=idempotency_key).first()
        if entry is None:
            raise
    if (entry.balance_id, entry.kind, entry.amount) != (balance.pk, kind, amount):
        raise ValidationError("This form has already been used for another entry; open it again.")
    balance.refresh_from_db()
    return entry


def set_credit_limit(*, actor: User, balance: Balance, credit_limit: Decimal) -> Balance:
    """Change how far below zero ``balance`` may go. Raise ValidationError for a negative limit."""
    if not credit_limit.is_finite() or credit_limit < 0:
        raise ValidationError({"credit_limit": "A credit limit is not negative."})
    with transaction.atomic():
        locked = Balance.objects.select_for_update().get(pk=balance.pk)
        if locked.credit_limit != credit_limit:
            locked.credit_limit = credit_limit
            locked.save(update_fields=["credit_limit"])
    balance.refresh_from_db()
    return balance
