"""What a worker does with a run: issue the invoices that were previewed, account by account.

Each account is its own transaction. A worker may die between two of them: beat hands the run out again, and accounts
that have their invoice are passed over. An account whose charges are no longer those of the preview is refused, and
says so; the others go on.
"""

import datetime as dt

import structlog
from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from billing.currencies import amount_text
from cdr.invoices.choices import RunOutcome, RunState
from cdr.invoices.issuing import draft_invoice, issue_invoice
from cdr.invoices.models import Invoice, InvoiceRun, RunAccount
from cdr.invoices.sending import send_invoice
from systemlog.choices import Category, Severity
from systemlog.entries import write_entries
from systemlog.models import LogEntry

log = structlog.get_logger(__name__)

FAULT = "An error of this program stopped it; its log has the particulars."


def issue_accounts(run: InvoiceRun, until: dt.datetime) -> bool:
    """Issue account by account until all have been, or the time is over; tell whether all have."""
    waiting = run.accounts.filter(_to_do(run)).order_by("pk")
    while (pk := waiting.values_list("pk", flat=True).first()) is not None:
        issue_account(run, pk)
        if timezone.now() > until:
            return False
    return True


def _to_do(run: InvoiceRun) -> Q:
    """Return the condition of an account that waits for its invoice, or its invoice for being sent."""
    return Q(outcome=RunOutcome.WAITING) | (Q(outcome=RunOutcome.ISSUED, message="") if run.send else Q(pk__in=[]))


def issue_account(run: InvoiceRun, pk: int) -> None:
    """Issue the invoice of one account as it was previewed, or write down why not; then send it.

    In a transaction of its own: setting the document takes long, and calls wait for the account's balance meanwhile.
    """
    with transaction.atomic():
        if (row := _locked(run, pk)) is not None and row.outcome == RunOutcome.WAITING:
            _issue(run, row)
    if run.send:
        with transaction.atomic():
            if (row := _locked(run, pk)) is not None and row.invoice is not None:
                row.message = sent_words(run, row.invoice)
                row.save(update_fields=["message"])


def _locked(run: InvoiceRun, pk: int) -> RunAccount | None:
    """Lock an account of a run; None where another worker was first."""
    rows = RunAccount.objects.select_for_update(of=("self",))
    return rows.select_related("account__client", "account__balance").filter(_to_do(run), pk=pk).first()


def _issue(run: InvoiceRun, row: RunAccount) -> None:
    """Issue the invoice of an account that is locked, and note what became of it."""
    try:
        with transaction.atomic():
            row.invoice = issue_as_previewed(run, row)
        row.outcome = RunOutcome.ISSUED
    except ValidationError as error:
        row.outcome, row.message = RunOutcome.REFUSED, " ".join(error.messages)[:300]
    except (OperationalError, InterfaceError):
        # The database went away: beat hands the run out again.
        raise
    except Exception:
        # One account's fault must not keep all others from their invoices.
        log.exception("an invoice could not be issued", run=run.pk, account=row.account_id)
        row.outcome, row.message = RunOutcome.REFUSED, FAULT
    row.save(update_fields=["outcome", "message", "invoice"])


def issue_as_previewed(run: InvoiceRun, row: RunAccount) -> Invoice:
    """Draft and issue one invoice. Raise ValidationError where it comes to something else than was previewed."""
    draft = draft_invoice(actor=run.created_by, account=row.account, first_day=run.first_day, last_day=run.last_day)
    if (draft.lines_sum, draft.tax, draft.gross) != (row.lines_sum, row.tax, row.gross):
        before, now = (amount_text(amount, row.currency) for amount in (row.gross, draft.gross))
        after = f"{now} {row.currency}"
        raise ValidationError(f"It has changed since the preview, from {before} to {after}: preview it again.")
    return issue_invoice(actor=run.created_by, invoice=draft)


def sent_words(run: InvoiceRun, invoice: Invoice) -> str:
    """Queue an invoice for its client and say so, or why not."""
    try:
        with transaction.atomic():
            mail = send_invoice(actor=run.created_by, invoice=invoice, to=invoice.client.email, key="issued")
        return f"Queued for {mail.to}"
    except ValidationError as error:
        return f"Not sent: {' '.join(error.messages)}"[:300]
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("an invoice could not be sent", run=run.pk, invoice=invoice.pk)
        return f"Not sent: {FAULT}"


def finish_run(run: InvoiceRun) -> None:
    """Note that a run is through, and tell the System Log."""
    if not InvoiceRun.objects.filter(pk=run.pk, state=RunState.ISSUING).update(state=RunState.DONE, state_since=Now()):
        return
    counts = {outcome: run.accounts.filter(outcome=outcome).count() for outcome in RunOutcome}
    refused = counts[RunOutcome.REFUSED]
    write_entries(
        [
            LogEntry(
                at=timezone.now(),
                category=Category.BILLING,
                severity=Severity.WARNING if refused else Severity.INFO,
                reason="invoice_run_done",
                message=f"{run}: {counts[RunOutcome.ISSUED]} issued, {refused} refused.",
                refs=[],
            )
        ]
    )
