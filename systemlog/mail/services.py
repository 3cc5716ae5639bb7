"""Ask for a message to be sent, and send it: each outcome stands in the System Log.

Nothing here is sent inside a transaction, and nobody who clicks waits for a mail server.
"""

import dataclasses
import datetime as dt
import re
import smtplib
import unicodedata
import uuid
from email.utils import formataddr
from typing import Any

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from core.models import User
from systemlog.choices import Category, Severity
from systemlog.entries import write_entries
from systemlog.mail.choices import MailState
from systemlog.mail.models import OutgoingMail
from systemlog.models import LogEntry

log = structlog.get_logger(__name__)

NO_SERVER = "No mail server is set: nothing can be sent until EMAIL_URL names one (docs/operating.md)."
# After each failure that may pass: together nine hours, in which a person notices a broken server.
PAUSES = (60, 300, 1_800, 7_200, 21_600)
# A worker that has had a message for so long is dead: its task would have been ended before (CELERY_TASK_TIME_LIMIT).
LOST_SECONDS = 900
# A server that cannot be reached is left alone so long: a thousand messages that each wait for it would keep the
# workers from everything else.
AWAY, AWAY_SECONDS = "mail-server-away", 60
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_UNSAFE_NAME = re.compile(r"[^A-Za-z0-9._-]+")


class NoMailServer(ValidationError):
    """Nothing can be sent, because the installation names no mail server."""

    def __init__(self) -> None:
        super().__init__(NO_SERVER)


@dataclasses.dataclass(frozen=True)
class Attachment:
    """A file that goes along."""

    name: str
    content: bytes
    content_type: str = "application/pdf"


def mail_is_set() -> bool:
    """Return whether the installation has a mail server."""
    return bool(settings.EMAIL_HOST)


def one_line(text: str) -> str:
    """Return text as one line, which no header can end (RFC 5322, 2.2) and no mark turns round."""
    line = _CONTROLS.sub(" ", text)
    return " ".join("".join(sign for sign in line if unicodedata.category(sign) not in ("Cf", "Cs")).split())


def sender_address(name: str, address: str) -> str:
    """Return "Name <address>" for a From header. Raise ValidationError for no address."""
    validate_email(address)
    return formataddr((one_line(name), address)) if one_line(name) else address


def queue_mail(
    *,
    key: str,
    to: str,
    subject: str,
    body: str,
    sender: str = "",
    reply_to: str = "",
    attachment: Attachment | None = None,
    refs: list[dict[str, Any]] | None = None,
    actor: User | None = None,
) -> OutgoingMail:
    """Note a message in the caller's transaction; a worker sends it after the commit. One ``key`` is one message.

    ``sender`` is "Name <address>", by default MAIL_FROM. Raise NoMailServer where the installation has none,
    ValidationError beside ``to`` or ``reply_to`` for what is no address.
    """
    if not mail_is_set():
        raise NoMailServer
    for field, address in (("to", to), ("reply_to", reply_to)):
        if address or field == "to":
            try:
                validate_email(address)
            except ValidationError as error:
                raise ValidationError({field: f"“{one_line(address)}” is no e-mail address."}) from error
    values: dict[str, Any] = {
        "message_id": f"<{uuid.uuid4()}@{settings.MAIL_FROM.rpartition('@')[2].strip('>')}>",
        "sender": one_line(sender or settings.MAIL_FROM),
        "reply_to": reply_to,
        "to": to,
        "subject": one_line(subject)[:200],
        "body": body,
        "refs": refs or [],
        "created_by": actor,
    }
    if attachment:
        values |= {
            "attachment_name": _UNSAFE_NAME.sub("-", attachment.name).strip("-.")[:100] or "document",
            "attachment_type": attachment.content_type,
            "attachment": attachment.content,
        }
    with transaction.atomic():
        mail, made = OutgoingMail.objects.get_or_create(key=key, defaults=values)
    if made:
        transaction.on_commit(lambda: hand_to_worker(mail.pk))
    return mail


def hand_to_worker(pk: int) -> None:
    """Tell a worker that a message waits. With the broker away, beat finds it."""
    from systemlog.mail.tasks import deliver_mail

    try:
        deliver_mail.delay(pk)
    except Exception as error:  # noqa: BLE001 - whatever the broker has, the message is safe in the database
        log.warning("no worker could be told of a message", mail=pk, error=str(error))


def send_again(*, actor: User, mail: OutgoingMail) -> OutgoingMail:
    """Try a failed message once more. Raise ValidationError for one that did not fail."""
    if not mail_is_set():
        raise NoMailServer
    changed = OutgoingMail.objects.filter(pk=mail.pk, state=MailState.FAILED).update(
        state=MailState.QUEUED, state_since=Now(), due_at=Now(), tries=0, error="", created_by=actor
    )
    if not changed:
        raise ValidationError("Only a message that failed is sent again.")
    transaction.on_commit(lambda: hand_to_worker(mail.pk))
    mail.refresh_from_db()
    return mail


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
