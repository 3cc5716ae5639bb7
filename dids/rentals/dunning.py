"""What follows from a rental without funds: a warning, days of grace, suspension; and when it is paid, service again.

A number is never released for money. Only what was suspended as unpaid is resumed; what a person suspended stays so.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Sum
from django.utils import timezone

from accounts.models import Account
from core.business_time import day_of
from core.history import acting
from core.render import money_text
from dids.choices import DIDState
from dids.models import DID
from dids.plans.choices import RentalSide
from dids.rentals.letters import write_client
from dids.rentals.models import RentalCharge, RentalTerm, day_words
from dids.services import change_states
from systemlog.choices import Category, Severity
from systemlog.entries import ref, write_entries
from systemlog.models import LogEntry

AT_ONCE = 5_000
NAMED = 5
REFERRED = 50


def grace() -> dt.timedelta:
    """Return how long a rental may stay unpaid before its number is suspended."""
    return dt.timedelta(days=settings.RENTAL_GRACE_DAYS)


def follow_payments(now: dt.datetime | None = None) -> None:
    """Resume what is paid, note and tell what is not, suspend what has been unpaid for longer than the grace."""
    now = now or timezone.now()
    _each(lambda: _resume(now))
    _each(lambda: _warn(now))
    _each(lambda: _suspend(now))


def _each(portion: Any) -> None:
    while portion() == AT_ONCE:
        pass


def owes() -> Exists:
    """Return the condition that a term has a charge which found no funds yet."""
    return Exists(RentalCharge.objects.filter(term=OuterRef("pk"), charged_at=None, amount__gt=0))


def _locked(terms: QuerySet[RentalTerm]) -> tuple[list[RentalTerm], int]:
    """Lock the first of these terms; return those that still are of them under the lock, and how many there were.

    Numbers are locked first, as by whoever maps or suspends them.
    """
    chosen = list(terms.order_by("did_id").values_list("pk", "did_id")[:AT_ONCE])
    list(DID.objects.filter(pk__in=[did for _, did in chosen]).select_for_update(no_key=True).order_by("pk"))
    ids = [pk for pk, _ in chosen]
    list(RentalTerm.objects.filter(pk__in=ids).select_for_update(no_key=True).order_by("pk").values_list("pk"))
    # Asked again by a statement of its own: a payment or another run of this task may have come first.
    rows = terms.filter(pk__in=ids).select_related("did", "account__client", "balance")
    return list(rows.order_by("pk")), len(chosen)


def _resume(now: dt.datetime) -> int:
    with transaction.atomic(), acting(None, reason="rental paid"):
        paid, count = _locked(RentalTerm.objects.filter(unpaid_since__isnull=False).exclude(owes()))
        back = [
            term
            for term in paid
            if term.until is None and term.suspended_at is not None and term.did.state == DIDState.SUSPENDED
        ]
        RentalTerm.objects.filter(pk__in=[term.pk for term in paid]).update(unpaid_since=None, suspended_at=None)
        change_states([term.did for term in back], DIDState.SUSPENDED, DIDState.MAPPED)
        _tell(back, "rental_resumed", Severity.NOTICE, now, "{numbers} in service again: the rental is paid")
        return count


def _warn(now: dt.datetime) -> int:
    with transaction.atomic():
        unpaid = RentalTerm.objects.filter(owes(), side=RentalSide.SOLD, until=None, unpaid_since=None)
        terms, count = _locked(unpaid)
        RentalTerm.objects.filter(pk__in=[term.pk for term in terms]).update(unpaid_since=now)
        words = f"no funds for the rental of {{numbers}}; suspended on {_end_of_grace(now)} unless paid"
        _tell(terms, "rental_unpaid", Severity.WARNING, now, words)
        return count


def _suspend(now: dt.datetime) -> int:
    with transaction.atomic(), acting(None, reason="rental unpaid", unpaid=True):
        overdue = RentalTerm.objects.filter(
            owes(), unpaid_since__lte=now - grace(), until=None, did__state=DIDState.MAPPED, side=RentalSide.SOLD
        )
        terms, count = _locked(overdue)
        change_states([term.did for term in terms], DIDState.MAPPED, DIDState.SUSPENDED)
        RentalTerm.objects.filter(pk__in=[term.pk for term in terms]).update(suspended_at=now)
        _tell(terms, "rental_suspended", Severity.WARNING, now, "{numbers} suspended: the rental is unpaid")
        return count


def _end_of_grace(now: dt.datetime) -> str:
    return day_words(day_of(now + grace()))


def _tell(terms: Iterable[RentalTerm], reason: str, severity: Severity, now: dt.datetime, words: str) -> None:
    """Tell each account: one entry and one e-mail with its numbers, what it owes for them, and what it has."""
    of_account: dict[Account, list[RentalTerm]] = defaultdict(list)
    for term in terms:
        assert term.account is not None
        of_account[term.account].append(term)
    entries = []
    sums = _owed([term.pk for own in of_account.values() for term in own])
    for account, own in of_account.items():
        balance = own[0].balance
        owed = f"{money_text(sums[account.pk])} {balance.currency}" if account.pk in sums else ""
        has = f"{money_text(balance.amount)} {balance.currency}"
        dids = [term.did for term in own]
        untold = write_client(reason, account, dids, owed=owed, balance=has, ends=_end_of_grace(now), now=now)
        entries.append(
            LogEntry(
                at=now,
                category=Category.BILLING,
                severity=severity,
                reason=reason,
                message=f"{account.client} › {account}: {words.format(numbers=_numbers(dids))}."
                f"{f' {owed} is owed for it.' if owed else ''} The balance is {has}."
                f"{f' No e-mail was sent: {untold}' if untold else ''}",
                refs=[
                    *ref("account", account.pk, f"{account.client} › {account}"),
                    *ref("client", account.client_id, str(account.client)),
                    *(one for term in own[:REFERRED] for one in ref("did", term.did_id, f"+{term.did.number}")),
                ],
                number=own[0].did.number if len(own) == 1 else "",
            )
        )
    write_entries(entries)


def _owed(term_ids: list[int]) -> dict[int, Decimal]:
    """Return by account what these terms owe that found no funds."""
    unpaid = RentalCharge.objects.filter(term__in=term_ids, charged_at=None).order_by()
    return dict(unpaid.values_list("account").annotate(total=Sum("amount")))


def _numbers(dids: Sequence[DID]) -> str:
    named = ", ".join(str(did) for did in dids[:NAMED])
    return f"{named} and {len(dids) - NAMED:,} more" if len(dids) > NAMED else named


def suspended_unpaid() -> QuerySet[RentalTerm]:
    """Return the terms whose numbers are suspended because they are unpaid."""
    return RentalTerm.objects.filter(until=None, suspended_at__isnull=False, did__state=DIDState.SUSPENDED)


def suspension_ends(term: RentalTerm) -> dt.datetime | None:
    """Return when an unpaid term's number is suspended; None where nothing is owed."""
    return term.unpaid_since + grace() if term.unpaid_since else None
