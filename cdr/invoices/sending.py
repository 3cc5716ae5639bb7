"""Send invoices to clients, the document attached."""

from django.core.exceptions import ValidationError

from billing.currencies import amount_text
from billing.seller.services import mail_sender
from cdr.invoices.choices import InvoiceState
from cdr.invoices.issuing import refs_of
from cdr.invoices.models import Invoice
from cdr.invoices.pdf import closing_words, file_name, invoice_pdf
from core.models import User
from core.pdf import FontsMissing
from systemlog.mail.models import OutgoingMail
from systemlog.mail.services import Attachment, queue_mail


def send_invoice(*, actor: User | None, invoice: Invoice, to: str, key: str) -> OutgoingMail:
    """Queue the message that carries an issued document to ``to``; one ``key`` is one message.

    Raise ValidationError beside ``to`` for what is no address, for a draft, and where nothing can be sent.
    """
    if invoice.state == InvoiceState.DRAFT:
        raise ValidationError("A draft is not sent.")
    if not to:
        raise ValidationError({"to": "The client has no e-mail address."})
    try:
        content = invoice_pdf(invoice)
    except FontsMissing as error:
        raise ValidationError(str(error)) from error
    sender, reply_to = mail_sender()
    return queue_mail(
        key=f"invoice:{invoice.pk}:{key}",
        to=to,
        subject=f"{invoice.title} from {invoice.seller_name}",
        body=message(invoice),
        sender=sender,
        reply_to=reply_to,
        attachment=Attachment(f"{file_name(invoice)}.pdf", content),
        refs=refs_of(invoice),
        actor=actor,
    )


def message(invoice: Invoice) -> str:
    """Return the words that go with the document."""
    total = f"{amount_text(invoice.gross, invoice.currency)} {invoice.currency}"
    return "\n".join(
        [
            f"Dear {invoice.client_name},",
            "",
            f"attached is {invoice.get_kind_display().lower()} {invoice.number} for {invoice.period}, "
            f"account {invoice.account_name}: {total}.",
            *closing_words(invoice),
            "",
            invoice.seller_name,
            invoice.seller_address,
        ]
    )
