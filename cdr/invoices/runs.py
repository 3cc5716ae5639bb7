"""Issue the invoices of a period for all accounts: a preview with its totals, then exactly that.

What a person does with a run is here; what a worker then does, account by account, in ``issuing_runs``.
"""

import datetime as dt

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models.functions import Now

from accounts.models import Account
from billing.seller.services import billing_settings
from cdr.invoices.billables import BILLED, UNBILLED
from cdr.invoices.choices import RunState
from cdr.invoices.issuing import new_draft, require
from cdr.invoices.models import InvoiceRun, RunAccount
from cdr.invoices.sums import sums_of
from cdr.invoices.tasks import issue_run
from core.business_time import day_bounds
from core.models import User
from systemlog.mail.server import NoMailServer, mail_is_set

TO_BILL = f"""
SELECT a.id, count(*), -sum(e.amount)
FROM billing_ledgerentry e JOIN accounts_account a ON a.balance_id = e.balance_id
WHERE e.at < %s AND {BILLED} AND {UNBILLED}
GROUP BY a.id
"""  # noqa: S608 - the texts are this file's own


def preview_run(*, actor: User, first_day: dt.date, last_day: dt.date, send: bool = False) -> InvoiceRun:
    """Write down what each account would be billed for these days; nothing is billed by it.

    Raise ValidationError for a period that has not ended, without the seller's details, where nothing is to bill, or
    where mail is wanted and cannot be sent.
    """
    if send and not mail_is_set():
        raise NoMailServer
    ends_at = day_bounds(last_day)[1]
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(TO_BILL, [ends_at])
            found = {pk: (entries, lines) for pk, entries, lines in cursor.fetchall()}
        accounts = Account.objects.select_related("client", "balance").filter(pk__in=found)
        if not found:
            raise ValidationError("There is nothing to bill: every charge stands on an invoice.")
        run = InvoiceRun.objects.create(first_day=first_day, last_day=last_day, send=send, created_by=actor)
        seller = billing_settings()
        rows: list[RunAccount] = []
        for account in accounts:
            entries, lines = found[account.pk]
            draft = new_draft(account, first_day, last_day, actor)
            if not rows:
                require(draft, seller)
            sums = sums_of(lines, draft.currency, draft.tax_rate, tax_included=draft.tax_included)
            rows.append(
                RunAccount(
                    run=run, account=account, currency=draft.currency, entries=entries, lines_sum=lines,
                    net=sums.net, tax=sums.tax, gross=sums.gross,
                )
            )  # fmt: skip
        RunAccount.objects.bulk_create(rows, batch_size=2_000)
        return run


def start_run(*, run: InvoiceRun) -> InvoiceRun:
    """Let a worker issue what a preview shows. Raise ValidationError for one that is under way already."""
    changed = InvoiceRun.objects.filter(pk=run.pk, state=RunState.PREVIEW).update(
        state=RunState.ISSUING, state_since=Now()
    )
    if not changed:
        raise ValidationError("These invoices are being issued already.")
    transaction.on_commit(lambda: issue_run.delay(run.pk))
    run.refresh_from_db()
    return run


def discard_run(*, run: InvoiceRun) -> None:
    """Throw a preview away. Raise ValidationError for a run that has begun."""
    with transaction.atomic():
        locked = InvoiceRun.objects.select_for_update().get(pk=run.pk)
        if locked.state != RunState.PREVIEW:
            raise ValidationError("This run has begun, and stays.")
        locked.delete()
