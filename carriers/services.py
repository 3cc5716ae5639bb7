"""Carriers and the addresses they call from: every change an operator can make, checked and explained."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from billing.models import Product
from billing.selectors import currency_conflict
from billing.services import delete_owner, open_balance, set_terms, take_terms
from carriers.models import Carrier, CarrierAccount
from carriers.networks import show_network
from carriers.selectors import RETIRED, conflicting_accounts
from core.constraints import is_deadlock, refuse_archived, violated_constraint
from core.fields import ZERO
from core.history import acting
from core.models import User

CONFLICTS = frozenset({"carrier_account_no_overlap", "carrier_account_once"})
LOCK = 1667330674  # 'carr' in ASCII; any number that no other advisory lock of this database uses


def create_carrier(
    *,
    actor: User,
    name: str,
    currency: str,
    credit_limit: Decimal = ZERO,
    low_at: Decimal | None = None,
    low_email: str = "",
    is_did_provider: bool = False,
    enabled: bool = True,
    notes: str = "",
) -> Carrier:
    """Create a carrier with its empty balance. Raise ValidationError where the name is taken or a value malformed."""
    with transaction.atomic(), acting(actor):
        balance = open_balance(currency=currency, credit_limit=credit_limit, low_at=low_at, low_email=low_email)
        carrier = Carrier(
            name=name.strip(), is_did_provider=is_did_provider, enabled=enabled, notes=notes, balance=balance
        )
        _save_carrier(carrier)
        return carrier


def update_carrier(*, actor: User, carrier: Carrier, **changes: Any) -> Carrier:
    """Change a carrier's own fields, and its balance's terms. Raise ValidationError where a value does not fit."""
    terms = take_terms(changes)
    with transaction.atomic(), acting(actor):
        locked = Carrier.objects.select_for_update(no_key=True).get(pk=carrier.pk)
        for field, value in changes.items():
            setattr(locked, field, value)
        _save_carrier(locked)
        if terms:
            set_terms(actor=actor, balance=locked.balance, **terms)
        return locked


def _save_carrier(carrier: Carrier) -> None:
    carrier.full_clean()
    if carrier.archived_at and carrier.enabled:
        raise ValidationError({"enabled": "This carrier is archived: take it back first."})
    # Two carriers that differ in capitals alone are one that was added twice.
    if other := Carrier.objects.filter(name__iexact=carrier.name).exclude(pk=carrier.pk).first():
        raise ValidationError({"name": f"There is a carrier “{other.name}” already."})
    try:
        with transaction.atomic():
            carrier.save()
    except IntegrityError as error:
        if "name" not in violated_constraint(error):
            raise
        raise ValidationError({"name": f"There is a carrier “{carrier.name}” already."}) from error


def delete_carrier(*, actor: User, carrier: Carrier) -> None:
    """Delete a carrier that has neither DIDs nor ledger entries, with its addresses and its balance.

    Raise ValidationError that names what keeps it.
    """
    delete_owner(actor=actor, owner=carrier)


def archive_carrier(*, actor: User, carrier: Carrier, archived: bool = True) -> Carrier:
    """Hide a carrier from lists and choices and disable it, or show it again, disabled still.

    Raise ValidationError that counts its numbers in use.
    """
    with transaction.atomic(), acting(actor):
        locked = Carrier.objects.select_for_update().get(pk=carrier.pk)
        in_use = locked.dids.exclude(RETIRED).count() if archived else 0
        if in_use:
            words = "1 DID that is" if in_use == 1 else f"{in_use:,} DIDs that are"
            raise ValidationError(f"{locked} has {words} not retired: retire or delete these first.")
        if bool(locked.archived_at) != archived:
            locked.archived_at = timezone.now() if archived else None
            locked.enabled = locked.enabled and not archived
            locked.save()
        return locked


def save_carrier_account(*, actor: User, account: CarrierAccount) -> CarrierAccount:
    """Create or change one address or subnet of a carrier.

    Raise ValidationError beside ``network`` for a duplicate or an overlap with another carrier, naming the other
    entry, also when somebody added it a moment ago; beside ``product`` for a price in another currency.
    """
    with explained_conflicts(account), transaction.atomic(), acting(actor):
        lock_addresses()
        check_account(account)
        account.save()
        refuse_archived(account.product, "product")
    return account


def delete_carrier_account(*, actor: User, account: CarrierAccount) -> None:
    """Delete one address of a carrier; calls from it are refused from then on."""
    with transaction.atomic(), acting(actor):
        account.delete()


def lock_addresses() -> None:
    """Let one transaction at a time add or change addresses, so that the look for conflicts before it stays true.

    Without it two inserts wait for each other's exclusion check and one ends as a deadlock, which names no culprit.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def check_account(account: CarrierAccount) -> None:
    """Raise ValidationError where an entry's values, its network or its product do not fit."""
    account.full_clean(validate_unique=False, validate_constraints=False)
    if conflict := describe_conflict(account):
        raise ValidationError({"network": conflict})
    if conflict := product_conflict(account.carrier, account.product):
        raise ValidationError({"product": conflict})


def product_conflict(carrier: Carrier, product: Product) -> str:
    """Return why this carrier's calls cannot be priced by ``product``, or nothing."""
    return currency_conflict(product, carrier.balance.currency)


def describe_conflict(account: CarrierAccount) -> str:
    """Return which entry keeps ``account`` out, in words and by name, or nothing."""
    other = conflicting_accounts(account).first()
    return explain_conflict(account, other) if other else ""


def explain_conflict(account: CarrierAccount, other: CarrierAccount) -> str:
    """Say in words how ``other`` keeps ``account`` out."""
    prefix = f" with tech prefix {other.tech_prefix}" if other.tech_prefix else ""
    shown = show_network(other.network)
    if other.carrier_id == account.carrier_id:
        return f"{other.carrier} already has {shown}{prefix}."
    return (
        f"Overlaps {shown} of {other.carrier}{prefix}. "
        "Two carriers on one address are told apart by different tech prefixes only."
    )


@contextmanager
def explained_conflicts(*accounts: CarrierAccount) -> Iterator[None]:
    """Turn the database's refusal into the ValidationError that the check would have given.

    lock_addresses keeps our services apart; the constraints stand against everything else that writes.
    """
    try:
        yield
    except (IntegrityError, OperationalError) as error:
        if violated_constraint(error) not in CONFLICTS and not is_deadlock(error):
            raise
        for account in accounts:
            if conflict := describe_conflict(account):
                raise ValidationError({"network": conflict}) from error
        raise ValidationError({"network": "Somebody changed these addresses at the same moment; try again."}) from error
