"""A message on its way to somebody outside."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from core.addresses import page_address
from systemlog.mail.choices import MailState


class OutgoingMail(models.Model):
    """One message to one address, written in the transaction that wants it sent, and kept.

    ``key`` makes one wish one message, however often it is wished. ``message_id`` (RFC 5322, 3.6.4) is the same at
    every try: where a worker dies between the server's consent and our note of it, the message goes twice, and
    mail programs may know it again. ``refs`` name what it is about, as in the System Log.
    """

    key = models.CharField(max_length=120, unique=True)
    message_id = models.CharField(max_length=120)
    sender = models.CharField(max_length=400)
    reply_to = models.CharField(max_length=254, blank=True)
    to = models.EmailField("to")
    subject = models.CharField(max_length=200)
    body = models.TextField()
    attachment_name = models.CharField(max_length=100, blank=True)
    attachment_type = models.CharField(max_length=100, blank=True)
    attachment = models.BinaryField(null=True)
    refs = models.JSONField(default=list)
    state = models.CharField(max_length=8, choices=MailState, default=MailState.QUEUED)
    state_since = models.DateTimeField(db_default=Now())
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now(), help_text="When it is tried next.")
    error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = "outgoing mail"
        verbose_name_plural = "outgoing mail"
        indexes = [
            # What beat asks for every few seconds.
            models.Index(fields=["due_at"], condition=models.Q(state__in=["queued", "sending"]), name="mail_due"),
            models.Index(fields=["-created_at", "-id"], name="mail_newest_first"),
        ]

    def __str__(self) -> str:
        return f"“{self.subject}” to {self.to}"

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return page_address("mail:outgoingmail_detail", self.pk)
