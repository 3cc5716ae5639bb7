"""Hand messages to the mail server, outside of any transaction; each outcome stands in the System Log."""

import datetime as dt
import smtplib
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from systemlog.choices import Category, Severity
from systemlog.entries import write_entries
from systemlog.mail.choices import MailState
from systemlog.mail.models import OutgoingMail
from systemlog.mail.server import NoMailServer, mail_is_set, one_line
from systemlog.models import LogEntry

# After each failure that may pass: together nine hours, in which a person notices a broken server.
PAUSES = (60, 300, 1_800, 7_200, 21_600)
# A worker that has had a message for so long is dead: its task would have been ended before (CELERY_TASK_TIME_LIMIT).
LOST_SECONDS = 900
# A server that cannot be reached is left alone so long: a thousand messages that each wait for it would keep the
# workers from everything else.
AWAY, AWAY_SECONDS = "mail-server-away", 60


def due_mail() -> list[int]:
    """Return the messages that wait for a try, those of a worker that died too."""
    now = timezone.now()
    waiting = OutgoingMail.objects.filter(state=MailState.QUEUED, due_at__lte=now)
    lost = OutgoingMail.objects.filter(
        state=MailState.SENDING, due_at__lte=now, state_since__lt=now - dt.timedelta(seconds=LOST_SECONDS)
    )
    return list((waiting | lost).order_by("due_at").values_list("pk", flat=True)[:500])


def deliver(pk: int) -> MailState | None:
    """Hand one message to the mail server and note what became of it.

    None where another worker has it, or where the server was away a moment ago: then it waits, and is no try.
    """
    if cache.get(AWAY):
        return None
    now = timezone.now()
    queued = OutgoingMail.objects.filter(pk=pk, state=MailState.QUEUED, due_at__lte=now)
    lost = OutgoingMail.objects.filter(
        pk=pk, state=MailState.SENDING, state_since__lt=now - dt.timedelta(seconds=LOST_SECONDS)
    )
    if not (queued | lost).update(state=MailState.SENDING, state_since=now, tries=F("tries") + 1):
        return None
    mail = OutgoingMail.objects.get(pk=pk)
    try:
        if not mail_is_set():
            raise NoMailServer
        message_of(mail).send()
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the message must not stay "sending"
        return _note_failure(mail, error)
    with transaction.atomic():
        _note(mail, MailState.SENT, error="")
        _tell(mail, Severity.INFO, "mail_sent", f"{mail} sent.")
    return MailState.SENT


def message_of(mail: OutgoingMail) -> EmailMessage:
    """Return the message as the mail server gets it."""
    message = EmailMessage(
        subject=mail.subject,
        body=mail.body,
        from_email=mail.sender,
        to=[mail.to],
        reply_to=[mail.reply_to] if mail.reply_to else None,
        headers={"Message-ID": mail.message_id, "Auto-Submitted": "auto-generated"},
        connection=get_connection(),
    )
    if mail.attachment is not None:
        message.attach(mail.attachment_name, bytes(mail.attachment), mail.attachment_type)
    return message


def _note_failure(mail: OutgoingMail, error: Exception) -> MailState:
    words = words_of(error)
    if unreachable(error):
        cache.set(AWAY, True, AWAY_SECONDS)
    if may_pass(error) and mail.tries <= len(PAUSES):
        pause = PAUSES[mail.tries - 1]
        with transaction.atomic():
            _note(mail, MailState.QUEUED, error=words, due_at=timezone.now() + dt.timedelta(seconds=pause))
            _tell(
                mail, Severity.WARNING, "mail_delayed",
                f"{mail} not sent yet, tried again in {pause // 60} min (try {mail.tries}): {words}",
            )  # fmt: skip
        return MailState.QUEUED
    with transaction.atomic():
        _note(mail, MailState.FAILED, error=words)
        _tell(mail, Severity.ERROR, "mail_failed", f"{mail} could not be sent: {words}")
    return MailState.FAILED


def may_pass(error: Exception) -> bool:
    """Tell whether trying later may help: a code 5xx says that it will not (RFC 5321, 4.2.1), all else may."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code < 500 for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPAuthenticationError):
        # The operator's own fault, which the operator mends.
        return True
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code < 500
    return isinstance(error, smtplib.SMTPException | OSError | SoftTimeLimitExceeded)


def unreachable(error: Exception) -> bool:
    """Tell whether no server answered at all."""
    if isinstance(error, smtplib.SMTPException):
        return isinstance(error, smtplib.SMTPServerDisconnected | smtplib.SMTPConnectError)
    return isinstance(error, OSError)


def words_of(error: Exception) -> str:
    """Return what a failure says, as one line."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        answers = [f"{code} {_text(text)}" for code, text in error.recipients.values()]
        return one_line(f"the mail server refused the address: {'; '.join(answers)}")[:500]
    if isinstance(error, smtplib.SMTPResponseException):
        return one_line(f"the mail server said {error.smtp_code} {_text(error.smtp_error)}")[:500]
    if isinstance(error, ValidationError):
        return one_line(" ".join(error.messages))[:500]
    return one_line(f"{type(error).__name__}: {error}")[:500]


def _text(answer: bytes | str) -> str:
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)


def _note(mail: OutgoingMail, state: MailState, **values: Any) -> None:
    OutgoingMail.objects.filter(pk=mail.pk).update(state=state, state_since=Now(), **values)


def _tell(mail: OutgoingMail, severity: Severity, reason: str, words: str) -> None:
    write_entries(
        [
            LogEntry(
                at=timezone.now(), category=Category.BILLING, severity=severity, reason=reason,
                message=words, refs=mail.refs,
            )
        ]
    )  # fmt: skip
