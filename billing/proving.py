"""Run the ledger's check, keep what it found, and tell of it in the System Log."""

import datetime as dt
import time

from django.db import connection, transaction
from django.utils import timezone

from billing.ledger import Difference, check_ledger
from billing.models import Balance, LedgerCheck, LedgerDifference, LedgerEntry
from billing.selectors import owner_of, with_owner
from systemlog.choices import Category, Severity
from systemlog.entries import ref, write_entries
from systemlog.models import LogEntry

KEEP = dt.timedelta(days=90)
# Where more is wrong than a person reads, the page has the rest.
MOST_LOGGED = 100


def prove_ledger() -> LedgerCheck:
    """Check, and return the run with the differences it found; old runs are forgotten."""
    begun = time.monotonic()
    differences = check_ledger()
    with transaction.atomic():
        run = LedgerCheck.objects.create(
            at=timezone.now(),
            seconds=time.monotonic() - begun,
            balances=Balance.objects.count(),
            entries=_estimate(),
            found=len(differences),
        )
        LedgerDifference.objects.bulk_create(
            (
                LedgerDifference(check_run=run, words=d.words, balance_id=d.balance_id, attempt_id=d.attempt_id)
                for d in differences
            ),
            batch_size=1000,
        )
        write_entries(_log_entries(differences, run.at))
        LedgerCheck.objects.filter(at__lt=run.at - KEEP).delete()
    return run


def _estimate() -> int:
    """Return how many entries there are, near enough: counting millions to say so would cost a scan."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'billing_ledgerentry'::regclass"
        )
        known = cursor.fetchone()[0]
    return known if known > 100_000 else LedgerEntry.objects.count()


def _log_entries(differences: list[Difference], at: dt.datetime) -> list[LogEntry]:
    told = differences[:MOST_LOGGED]
    balances = Balance.objects.select_related(*with_owner()).in_bulk([d.balance_id for d in told if d.balance_id])
    entries = []
    for difference in told:
        balance = balances.get(difference.balance_id) if difference.balance_id else None
        kind, owner = owner_of(balance) if balance else ("balance", None)
        entries.append(
            LogEntry(
                at=at,
                category=Category.BILLING,
                severity=Severity.ERROR,
                reason="ledger_discrepancy",
                message=f"The ledger{f' of {owner}' if owner else ''} does not add up. {difference.words}.",
                refs=ref(kind, owner.pk, str(owner)) if owner else [],
                attempt_id=difference.attempt_id,
            )
        )
    if len(differences) > MOST_LOGGED:
        words = f"The ledger's check found {len(differences):,} differences; its page names each."
        entries.append(
            LogEntry(
                at=at, category=Category.BILLING, severity=Severity.ERROR, reason="ledger_discrepancy", message=words
            )
        )
    return entries


def last_check() -> LedgerCheck | None:
    """Return the last run."""
    return LedgerCheck.objects.order_by("-at").first()
