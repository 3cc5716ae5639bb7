"""What workers do with outgoing mail; each task may run twice, late, or after a crash."""

import datetime as dt

from celery import shared_task
from django.utils import timezone

from systemlog.mail.choices import MailState
from systemlog.mail.delivery import deliver, due_mail
from systemlog.mail.models import OutgoingMail

# The message stays, what it carried goes: an invoice can be made again.
ATTACHMENT_DAYS = 30
# Beat asks again soon; a slow server must not keep a worker for longer.
SECONDS = 60


@shared_task
def deliver_mail(pk: int) -> None:
    """Send one message."""
    deliver(pk)


@shared_task
def deliver_due_mail() -> int:
    """Send what waits: later tries, and messages of which no worker was told. Return how many were tried."""
    tried, until = 0, timezone.now() + dt.timedelta(seconds=SECONDS)
    for pk in due_mail():
        tried += deliver(pk) is not None
        if timezone.now() > until:
            break
    return tried


@shared_task
def prune_attachments() -> None:
    """Forget the files of messages that were sent long ago."""
    before = timezone.now() - dt.timedelta(days=ATTACHMENT_DAYS)
    OutgoingMail.objects.filter(state=MailState.SENT, state_since__lt=before).exclude(attachment=None).update(
        attachment=None
    )
