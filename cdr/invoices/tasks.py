"""What workers do with runs of invoices; each task may run twice, late, or after a crash."""

import datetime as dt

from celery import shared_task
from django.utils import timezone

from cdr.invoices.choices import RunState
from cdr.invoices.issuing_runs import finish_run, issue_accounts
from cdr.invoices.models import InvoiceRun
from core.jobs.running import sole_worker

# 'runs' in ASCII.
LOCK = 0x72756E73
# Well within the time that a task may take; beat goes on with the rest.
SECONDS = 300


@shared_task
def issue_run(run_id: int) -> None:
    """Issue the invoices of a run that waits for it."""
    with sole_worker(run_id, LOCK) as held:
        run = InvoiceRun.objects.select_related("created_by").filter(pk=run_id, state=RunState.ISSUING).first()
        if held and run and issue_accounts(run, timezone.now() + dt.timedelta(seconds=SECONDS)):
            finish_run(run)


@shared_task
def resume_runs() -> int:
    """Hand out again the runs that are not through, such as those of a worker that was killed."""
    left = list(InvoiceRun.objects.filter(state=RunState.ISSUING).values_list("pk", flat=True))
    for pk in left:
        issue_run.delay(pk)
    return len(left)
