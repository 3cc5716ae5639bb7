"""Ask for a message to be sent: a worker does it after the commit, nobody who clicks waits for a mail server."""

import dataclasses
import re
import unicodedata
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

log = structlog.get_logger(__name__)

NO_SERVER = "No mail server is set: nothing can be sent until EMAIL_URL names one (docs/operating.md)."
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
