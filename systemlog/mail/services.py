"""Ask for a message to be sent: a worker does it after the commit, nobody who clicks waits for a mail server."""

import dataclasses
import re
import uuid
from email.utils import formataddr
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models.functions import Now

from core.models import User
from systemlog.mail.choices import MailState
from systemlog.mail.models import OutgoingMail
from systemlog.mail.server import NoMailServer, mail_is_set, one_line
from systemlog.mail.tasks import deliver_mail

log = structlog.get_logger(__name__)

_UNSAFE_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclasses.dataclass(frozen=True)
class Attachment:
    """A file that goes along."""

    name: str
    content: bytes
    content_type: str = "application/pdf"


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
    _check_address("to", to)
    if reply_to:
        _check_address("reply_to", reply_to)
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
        values |= _columns_of(attachment)
    with transaction.atomic():
        mail, made = OutgoingMail.objects.get_or_create(key=key, defaults=values)
    if made:
        transaction.on_commit(lambda: hand_to_worker(mail.pk))
    return mail


def _check_address(field: str, address: str) -> None:
    """Raise ValidationError beside ``field`` for what is no e-mail address."""
    try:
        validate_email(address)
    except ValidationError as error:
        raise ValidationError({field: f"“{one_line(address)}” is no e-mail address."}) from error


def _columns_of(attachment: Attachment) -> dict[str, Any]:
    """Return a file as the columns that keep it, under a name that every file system takes."""
    return {
        "attachment_name": _UNSAFE_NAME.sub("-", attachment.name).strip("-.")[:100] or "document",
        "attachment_type": attachment.content_type,
        "attachment": attachment.content,
    }


def hand_to_worker(pk: int) -> None:
    """Tell a worker that a message waits. With the broker away, beat finds it."""
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
