"""Accounts with ledgers to bill: calls, rentals and adjustments, booked by the code that books them in the product."""

import datetime as dt
import itertools
import uuid
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from accounts.models import Account
from accounts.services import update_client
from billing.choices import EntryKind
from billing.models import LedgerEntry
from billing.posting import CallLeg, Posting, post
from billing.seller.models import BillingSettings
from billing.seller.services import change_billing_settings
from cdr.models import CDR, ChargedLeg
from core.models import User
from tests.inventory import a_user, an_account

OCTOBER = (dt.date(2026, 10, 1), dt.date(2026, 10, 31))
SEPTEMBER = (dt.date(2026, 9, 1), dt.date(2026, 9, 30))
_serial = itertools.count(1)


def october(day: int = 10, hour: int = 12, **more: int) -> dt.datetime:
    return dt.datetime(2026, 10, day, hour, tzinfo=dt.UTC, **more)


def a_seller(actor: User, **changes: Any) -> BillingSettings:
    """Set the billing settings; ``actor`` must be an administrator."""
    values = {"name": "Aurora Telecom Ltd", "address": "12 Harbour Road\nLondon", "tax_id": "GB 123 4567 89"}
    return change_billing_settings(actor=actor, **{**values, "tax_rate": Decimal(20), **changes})


def a_customer(actor: User, name: str = "Bloom Ltd", currency: str = "EUR", **details: Any) -> Account:
    """Create a client with a billing address, and its account."""
    account = an_account(actor, client=name, currency=currency)
    values = {"billing_address": "5 Long Street\nRiga", "tax_id": "LV 1", "email": f"pay{next(_serial)}@bloom.example"}
    update_client(actor=actor, client=account.client, **{**values, **details})
    return Account.objects.select_related("client", "balance").get(pk=account.pk)


def a_call(account: Account, amount: str, at: dt.datetime, number: str = "442079460018", seconds: int = 60,
           started_at: dt.datetime | None = None, free: int = 0) -> uuid.UUID:  # fmt: skip
    """Record and book a call that was answered, as the worker does; return its attempt."""
    attempt, started = uuid.uuid4(), started_at or at - dt.timedelta(seconds=seconds)
    CDR.objects.create(attempt_id=attempt, started_at=started, switch="sw1", number=number, account_id=account.pk)
    ChargedLeg.objects.create(
        attempt_id=attempt, started_at=started, leg="account", balance_id=account.balance_id,
        charged_seconds=seconds, free_seconds=free, amount=Decimal(amount), currency=account.balance.currency,
    )  # fmt: skip
    book(
        account,
        EntryKind.CHARGE,
        f"-{amount}",
        at,
        f"call:{attempt}:account",
        call=CallLeg(attempt, started, "account"),
    )
    return attempt


def book(account: Account, kind: EntryKind, amount: str, at: dt.datetime, key: str = "", **more: Any) -> LedgerEntry:
    """Post one movement."""
    with transaction.atomic():
        return post([Posting(account.balance_id, kind, Decimal(amount), key or str(uuid.uuid4()), at=at, **more)])[0]


def balance_of(account: Account) -> Decimal:
    """Return the balance as it stands."""
    account.balance.refresh_from_db()
    return account.balance.amount


def sql(statement: str, *values: object) -> None:
    """Run a statement as anybody with access to the database might."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def an_administrator() -> User:
    return a_user("administrator", f"admin{next(_serial)}")  # type: ignore[arg-type]
