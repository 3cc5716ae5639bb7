"""Clients, accounts and aliases: every change an operator can make."""

import hashlib
import secrets
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.choices import AccountState
from accounts.models import Account, Alias, Client
from billing.models import Product
from billing.selectors import currency_conflict
from billing.services import delete_owner, open_balance, set_terms, take_terms
from core.constraints import refuse_archived, violated_constraint
from core.fields import ZERO
from core.history import acting
from core.keepers import kept_by
from core.models import User

# Letters and digits that nobody confuses when a secret is typed into a phone from paper: no 0 O o, 1 l I.
UNMISTAKABLE = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
SECRET_LENGTH = 20  # log2(56) * 20 = 116 bits


def create_client(*, actor: User, name: str, email: str = "", notes: str = "", **billing: Any) -> Client:
    """Create a customer, with its billing address and tax. Raise ValidationError where the name is taken."""
    with transaction.atomic(), acting(actor):
        client = Client(name=name.strip(), email=email, notes=notes, **billing)
        _save_client(client)
        return client


def update_client(*, actor: User, client: Client, **changes: Any) -> Client:
    """Change a customer. Raise ValidationError where the name is taken."""
    with transaction.atomic(), acting(actor):
        locked = Client.objects.select_for_update(no_key=True).get(pk=client.pk)
        for field, value in changes.items():
            setattr(locked, field, value)
        _save_client(locked)
        return locked


def _save_client(client: Client) -> None:
    client.full_clean()
    # Two clients that differ in capitals alone are one that was added twice.
    if other := Client.objects.filter(name__iexact=client.name).exclude(pk=client.pk).first():
        raise ValidationError({"name": f"There is a client “{other.name}” already."})
    client.save()


def what_keeps_client(client: Client) -> list[str]:
    """Return what forbids deleting this client, counted and in words."""
    return kept_by(client)


def archive_client(*, actor: User, client: Client, archived: bool = True) -> Client:
    """Hide a customer from lists and choices, or show it again; nothing of it is lost.

    Raise ValidationError that counts the accounts which are not archived yet.
    """
    with transaction.atomic(), acting(actor):
        locked = Client.objects.select_for_update().get(pk=client.pk)
        in_use = locked.accounts.filter(archived_at=None).count()
        if archived and in_use:
            raise ValidationError(
                f"{locked} has {_counted(in_use, 'account', 'accounts')} in use: archive these first."
            )
        return _archive(locked, archived)


def _archive(row: Any, archived: bool) -> Any:
    if bool(row.archived_at) != archived:
        row.archived_at = timezone.now() if archived else None
        row.save()
    return row


def delete_client(*, actor: User, client: Client) -> None:
    """Delete a customer without accounts. Raise ValidationError that counts the accounts of one that has some."""
    with transaction.atomic(), acting(actor):
        locked = Client.objects.select_for_update().get(pk=client.pk)
        if held := what_keeps_client(locked):
            raise ValidationError(f"{locked} has {' and '.join(held)}: archive it instead.")
        locked.delete()


def create_account(
    *,
    actor: User,
    client: Client,
    name: str,
    currency: str,
    credit_limit: Decimal = ZERO,
    low_at: Decimal | None = None,
    low_email: str = "",
    product: Product | None = None,
    call_limit: int | None = None,
    max_call_seconds: int | None = None,
) -> Account:
    """Create an account of ``client`` with its empty balance.

    Raise ValidationError beside ``product`` for a price in another currency, beside ``name`` for one already used.
    """
    with transaction.atomic(), acting(actor):
        account = Account(
            client=client,
            name=name.strip(),
            balance=open_balance(currency=currency, credit_limit=credit_limit, low_at=low_at, low_email=low_email),
            product=product,
            call_limit=call_limit,
            max_call_seconds=max_call_seconds,
        )
        _save_account(account)
        return account


def update_account(*, actor: User, account: Account, **changes: Any) -> Account:
    """Change an account's own fields, and its balance's terms. Raise ValidationError as create_account does."""
    terms = take_terms(changes)
    with transaction.atomic(), acting(actor):
        # NO KEY: phones' registrations and DIDs may go on referring to the account meanwhile.
        locked = (
            Account.objects.select_for_update(of=("self",), no_key=True).select_related("balance").get(pk=account.pk)
        )
        for field, value in changes.items():
            setattr(locked, field, value)
        _save_account(locked)
        if terms:
            set_terms(actor=actor, balance=locked.balance, **terms)
        return locked


def set_account_state(*, actor: User, account: Account, state: AccountState) -> Account:
    """Suspend an account, whose aliases then receive no calls, or make it active again."""
    return update_account(actor=actor, account=account, state=state)


def _save_account(account: Account) -> None:
    account.full_clean(validate_constraints=False)
    if account.archived_at and account.state == AccountState.ACTIVE:
        raise ValidationError({"state": "This account is archived: take it back first."})
    added = not account.pk
    if conflict := currency_conflict(account.product, account.balance.currency):
        raise ValidationError({"product": conflict})
    taken = {"name": f"{account.client} has an account “{account.name}” already."}
    if Account.objects.filter(client=account.client, name=account.name).exclude(pk=account.pk).exists():
        raise ValidationError(taken)
    try:
        with transaction.atomic():
            account.save()
    except IntegrityError as error:
        if violated_constraint(error) != "account_once_per_client":
            raise
        raise ValidationError(taken) from error
    if added:
        refuse_archived(account.client, "client")
    refuse_archived(account.product, "product")


def delete_account(*, actor: User, account: Account) -> None:
    """Delete an account without aliases or ledger entries, with its balance.

    Raise ValidationError that names what keeps it.
    """
    delete_owner(actor=actor, owner=account)


def archive_account(*, actor: User, account: Account, archived: bool = True) -> Account:
    """Hide an account from lists and choices and suspend it, or show it again, suspended still.

    Raise ValidationError that counts the numbers which ring it still, or where its client is archived.
    """
    with transaction.atomic(), acting(actor):
        rows = Account.objects.select_for_update(of=("self",), no_key=True).select_related("client")
        locked = rows.get(pk=account.pk)
        ringing = locked.aliases.filter(dids__isnull=False).count() if archived else 0
        if ringing:
            raise ValidationError(f"{_counted(ringing, 'DID rings', 'DIDs ring')} {locked}: unmap these first.")
        if not archived and locked.client.archived_at:
            raise ValidationError(f"Its client {locked.client} is archived: take that back first.")
        if archived:
            locked.state = AccountState.SUSPENDED
        return _archive(locked, archived)


def create_alias(*, actor: User, account: Account, username: str, description: str = "") -> tuple[Alias, str]:
    """Create what a phone registers as; return it with its secret, which cannot be read again.

    Raise ValidationError beside ``username`` where the name is malformed or taken.
    """
    secret = new_secret()
    with transaction.atomic(), acting(actor):
        alias = Alias(account=account, username=username.strip(), description=description)
        alias.ha1_md5, alias.ha1_sha256 = digests(alias.username, secret)
        alias.full_clean()
        try:
            with transaction.atomic():
                alias.save()
        except IntegrityError as error:
            if "username" not in violated_constraint(error):
                raise
            raise ValidationError({"username": f"The SIP user name {alias.username} is taken."}) from error
    return alias, secret


def regenerate_secret(*, actor: User, alias: Alias) -> str:
    """Give ``alias`` a new secret and return it; the old one is refused at the phone's next registration."""
    secret = new_secret()
    with transaction.atomic(), acting(actor):
        locked = Alias.objects.select_for_update(no_key=True).get(pk=alias.pk)
        locked.ha1_md5, locked.ha1_sha256 = digests(locked.username, secret)
        locked.save(update_fields=["ha1_md5", "ha1_sha256"])
    return secret


def update_alias(*, actor: User, alias: Alias, **changes: Any) -> Alias:
    """Change what may change of an alias: ``enabled``, ``description``, ``audio``.

    Its user name is part of its digests and stays.
    """
    with transaction.atomic(), acting(actor):
        locked = Alias.objects.select_for_update(no_key=True).get(pk=alias.pk)
        for field, value in changes.items():
            setattr(locked, field, value)
        locked.full_clean()
        locked.save(update_fields=list(changes))
        return locked


def delete_alias(*, actor: User, alias: Alias) -> None:
    """Delete an alias that no DID rings. Raise ValidationError that names the DIDs of one that is rung."""
    with transaction.atomic(), acting(actor):
        locked = Alias.objects.select_for_update().get(pk=alias.pk)
        if held := what_keeps_alias(locked):
            raise ValidationError(f"{', '.join(held)} ring {locked}: unmap or move them first, or disable the alias.")
        locked.delete()


def what_keeps_alias(alias: Alias) -> list[str]:
    """Return the DIDs that ring this alias: the first three by number, then how many more."""
    # dids stands above accounts: the reverse relation is asked, never the app.
    numbers = [str(did) for did in alias.dids.order_by("number")[:3]]
    more = alias.dids.count() - len(numbers)
    return [*numbers, f"{more:,} more"] if more > 0 else numbers


def new_secret() -> str:
    """Return a secret no one guesses, of characters no one confuses."""
    return "".join(secrets.choice(UNMISTAKABLE) for _ in range(SECRET_LENGTH))


def digests(username: str, secret: str) -> tuple[str, str]:
    """Return the digest hashes HA1 of a user in the switch's realm, MD5 and SHA-256 (RFC 7616, 3.4.2)."""
    credentials = f"{username}:{settings.SIP_REALM}:{secret}".encode()
    return hashlib.md5(credentials, usedforsecurity=False).hexdigest(), hashlib.sha256(credentials).hexdigest()


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
