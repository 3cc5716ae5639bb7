"""Tell that a balance has fallen below what its owner wants to be told of: once per crossing.

The crossing is noted where the balance moves, by a trigger of its table and so in the same transaction, whoever moves
it; a balance that is above again is armed anew. Beat tells of what was noted: in the System Log always, and by mail
where there is an address and a mail server.
"""

import datetime as dt

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from billing.models import Balance
from billing.selectors import owner_of, with_owner
from billing.seller.services import billing_settings, mail_sender
from core.render import money_text
from systemlog.choices import Category, Severity
from systemlog.entries import ref, write_entries
from systemlog.mail.services import queue_mail
from systemlog.models import LogEntry

AT_ONCE = 500


def tell_low_balances(now: dt.datetime | None = None) -> int:
    """Tell of each crossing that was not told yet; return how many. Whoever has a balance locked delays its notice."""
    now = now or timezone.now()
    told = 0
    while portion := _tell_some(now):
        told += portion
    return told


def _tell_some(now: dt.datetime) -> int:
    with transaction.atomic():
        rows = Balance.objects.filter(low_since__isnull=False, low_noticed_at__isnull=True).order_by("pk")
        ids = list(rows.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)[:AT_ONCE])
        balances = Balance.objects.filter(pk__in=ids).select_related(*with_owner())
        write_entries([_tell(balance) for balance in balances])
        Balance.objects.filter(pk__in=ids).update(low_noticed_at=now)
        return len(ids)


def _tell(balance: Balance) -> LogEntry:
    """Note the mail, and return the log's entry, which says whether one goes out."""
    assert balance.low_since is not None and balance.low_at is not None  # the trigger keeps both together
    kind, owner = owner_of(balance)
    name = str(owner or f"balance {balance.pk}")
    refs = ref(kind, owner.pk, name) if owner else []
    stands = f"{money_text(balance.amount)} {balance.currency}"
    limit = f"{money_text(balance.low_at)} {balance.currency}"
    address = recipient(balance)
    if not address:
        mailed = "Nobody is told by e-mail: there is no address"
    else:
        try:
            sender, reply_to = mail_sender()
            queue_mail(
                key=f"low-balance:{balance.pk}:{balance.low_since.isoformat()}",
                to=address,
                subject=f"Low balance: {stands}",
                body=_body(balance, name, stands, limit),
                sender=sender,
                reply_to=reply_to,
                refs=refs,
            )
            mailed = f"A notice goes to {address}"
        except ValidationError as error:
            mailed = f"Nobody is told by e-mail: {' '.join(error.messages)}"
    return LogEntry(
        at=balance.low_since,
        category=Category.BILLING,
        severity=Severity.WARNING,
        reason="low_balance",
        message=f"The balance of {name} is {stands}, below {limit}. {mailed.rstrip('.')}.",
        refs=refs,
    )


def recipient(balance: Balance) -> str:
    """Return who is told by mail: the address set for it, else the client's."""
    _, owner = owner_of(balance)
    client = getattr(owner, "client", None)
    return balance.low_email or (client.email if client else "")


def _body(balance: Balance, name: str, stands: str, limit: str) -> str:
    seller = billing_settings().name
    credit = f"{money_text(balance.credit_limit)} {balance.currency}"
    ends = f"the credit limit of {credit} is used up too" if balance.credit_limit else "it is used up"
    return "\n".join(
        [
            f"The balance of {name} is {stands}.",
            f"That is below {limit}, the amount below which you wished to be told.",
            "",
            f"Calls that cost something end, and further ones are refused, when {ends}.",
            "",
            seller or "This message was sent by a machine.",
        ]
    )
