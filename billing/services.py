"""Balances and their ledgers: money moves by entries only, each written once and in the balance's own transaction."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Sum

from billing.choices import EntryKind
from billing.models import Balance, LedgerEntry, currency_code
from billing.posting import LARGEST, Posting, lock_balances, post
from billing.selectors import what_keeps_owner
from core.fields import ZERO
from core.history import acting
from core.models import User
from core.render import money_text

USED_FORM = "This form has already been used for another entry; open it again."


def open_balance(
    *, currency: str, credit_limit: Decimal = ZERO, low_at: Decimal | None = None, low_email: str = ""
) -> Balance:
    """Create an empty balance in ``currency`` (ISO 4217). Raise ValidationError on a malformed value."""
    currency = currency.strip().upper()
    currency_code(currency)
    if credit_limit < 0:
        raise ValidationError({"credit_limit": "A credit limit is not negative."})
    balance = Balance(currency=currency, credit_limit=credit_limit, low_at=low_at, low_email=low_email)
    _check_terms(balance)
    balance.save()
    return balance


def delete_owner(*, actor: User, owner: Any) -> None:
    """Delete a carrier or an account, with its balance. Raise ValidationError that names what keeps it."""
    with transaction.atomic(), acting(actor):
        rows = type(owner).objects.select_for_update(of=("self", "balance")).select_related("balance")
        locked = rows.get(pk=owner.pk)
        if held := what_keeps_owner(locked):
            raise ValidationError(f"{locked} has {' and '.join(held)}: archive it instead.")
        balance = locked.balance
        locked.delete()
        balance.delete()


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


def record_refund(
    *, actor: User, payment: LedgerEntry, amount: Decimal, idempotency_key: str, note: str
) -> LedgerEntry:
    """Give a payment back, wholly or in part, with the reason in ``note``; administrators only.

    Raise PermissionDenied for anybody else, ValidationError for what is no payment, no reason, or more than is left.
    """
    if not actor.is_administrator:
        raise PermissionDenied("Only an administrator refunds a payment.")
    if payment.kind != EntryKind.PAYMENT:
        raise ValidationError("Only a payment can be refunded.")
    if not amount.is_finite() or amount <= 0:
        raise ValidationError({"amount": "A refund is more than zero."})
    if not note.strip():
        raise ValidationError({"note": "Say why the payment is refunded."})
    key = f"refund:{idempotency_key}"
    with transaction.atomic():
        # Refunds of one payment wait for each other here, so that together they never exceed it.
        lock_balances([payment.balance_id])
        left = refundable(payment)
        if amount > left and not LedgerEntry.objects.filter(idempotency_key=key).exists():
            raise ValidationError({"amount": f"Of this payment {money_text(left)} is left to refund."})
        return record_entry(
            actor=actor,
            balance=payment.balance,
            kind=EntryKind.REFUND,
            amount=-amount,
            idempotency_key=key,
            note=note,
            refund_of=payment,
        )


def refundable(payment: LedgerEntry) -> Decimal:
    """Return what of a payment has not been refunded yet."""
    return payment.amount + (payment.refunds.aggregate(total=Sum("amount"))["total"] or ZERO)


def record_entry(
    *,
    actor: User | None,
    balance: Balance,
    kind: EntryKind,
    amount: Decimal,
    idempotency_key: str,
    note: str = "",
    refund_of: LedgerEntry | None = None,
) -> LedgerEntry:
    """Write one ledger entry and move its balance with it, under the balance's lock, once per key.

    ``actor`` is None where no person acts (charges). ``balance`` itself is refreshed to the amount that now stands.
    """
    try:
        with transaction.atomic():
            refunded = refund_of.pk if refund_of else None
            posting = Posting(balance.pk, kind, amount, idempotency_key, note=note, actor=actor, refund_of=refunded)
            [entry] = post([posting])
    except IntegrityError:
        # Another balance's entry took the key between our look and our insert.
        if not LedgerEntry.objects.filter(idempotency_key=idempotency_key).exists():
            raise
        raise ValidationError(USED_FORM) from None
    except ValidationError as error:
        if getattr(error, "code", "") == "key_used":
            raise ValidationError(USED_FORM) from None
        raise
    balance.refresh_from_db()
    return entry


# What people set of a balance; all else follows from its entries and reservations.
TERMS = ("credit_limit", "low_at", "low_email")


def take_terms(changes: dict[str, Any]) -> dict[str, Any]:
    """Take what belongs to the balance out of its owner's changes and return it; a credit limit of None stays."""
    terms = {name: changes.pop(name) for name in TERMS if name in changes}
    if terms.get("credit_limit", ZERO) is None:
        del terms["credit_limit"]
    return terms


def set_terms(*, actor: User, balance: Balance, **terms: Any) -> Balance:
    """Change how far below zero ``balance`` may go, and below which amount who is told.

    Raise ValidationError beside the field for a negative limit, an amount a balance cannot have, or no address.
    """
    with transaction.atomic():
        locked = Balance.objects.select_for_update(no_key=True).get(pk=balance.pk)
        changed = [name for name, value in terms.items() if getattr(locked, name) != value]
        for name in changed:
            setattr(locked, name, terms[name])
        _check_terms(locked)
        if changed:
            locked.save(update_fields=changed)
    balance.refresh_from_db()
    return balance


def _check_terms(balance: Balance) -> None:
    if not balance.credit_limit.is_finite() or balance.credit_limit < 0:
        raise ValidationError({"credit_limit": "A credit limit is not negative."})
    if balance.low_at is not None and not (balance.low_at.is_finite() and abs(balance.low_at) < LARGEST):
        raise ValidationError({"low_at": "This is no amount that a balance could have."})
    if balance.low_email:
        try:
            validate_email(balance.low_email)
        except ValidationError as error:
            raise ValidationError({"low_email": "This is no e-mail address."}) from error
