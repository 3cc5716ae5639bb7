"""Where a message is on its way."""

from core.choices import ColouredChoices


class MailState(ColouredChoices):
    """queued → sending → sent; a failure that may pass goes back to queued, any other is failed."""

    QUEUED = "queued", "azure", "Queued"
    SENDING = "sending", "azure", "Sending"
    SENT = "sent", "green", "Sent"
    FAILED = "failed", "red", "Failed"
