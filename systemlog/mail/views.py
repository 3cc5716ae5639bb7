"""Settings › Outgoing mail: what was sent to whom, and what could not be."""

from typing import Any

from django.db.models import QuerySet
from django.utils.safestring import SafeString

from core import render
from core import tables as t
from core.filters import PortalFilterSet, SeveralFilter
from core.tabs import ViewTab, register_tab
from core.views import EmptyState, FormActionView, ListView, ObjectView, PageAction
from systemlog.mail.choices import MailState
from systemlog.mail.models import OutgoingMail
from systemlog.mail.server import NO_SERVER, mail_is_set
from systemlog.mail.services import send_again


class MailTable(t.PortalTable):
    """Messages, newest first."""

    created_at = t.WhenColumn("Asked for")
    subject = t.LinkColumn()
    to = t.PlainColumn()
    state = t.PillColumn()
    state_since = t.WhenColumn("Since", relative=True)
    tries = t.NumberColumn()
    error = t.PlainColumn("Last failure")

    class Meta(t.PortalTable.Meta):
        model = OutgoingMail
        fields = ("created_at", "subject", "to", "state", "state_since", "tries", "error")

    fixed_columns = ("subject",)


class MailFilterSet(PortalFilterSet):
    """Messages by state, address and subject."""

    search_fields = ("subject__icontains", "to__icontains")
    search_placeholder = "Subject or address"
    state = SeveralFilter(choices=MailState.choices)

    class Meta:
        model = OutgoingMail
        fields: tuple[str, ...] = ()


class MailListView(ListView):
    """All outgoing mail."""

    queryset = OutgoingMail.objects.defer("attachment", "body", "refs")
    table_class, filterset_class = MailTable, MailFilterSet
    keyset = ("created_at", "id")
    title = "Outgoing mail"

    @property
    def empty(self) -> EmptyState:  # type: ignore[override]
        """Return what an empty list says: whether anything can be sent at all."""
        words = "Invoices and notices to clients appear here." if mail_is_set() else NO_SERVER
        return EmptyState("No mail yet", words, "mail")


def _failed(mail: OutgoingMail) -> bool:
    return mail.state == MailState.FAILED


@register_tab(OutgoingMail)
class MailView(ObjectView):
    """One message."""

    tab = ViewTab("Message", weight=100)
    template_name = "mail/mail.html"
    object_actions = (PageAction("Send again", "mail:outgoingmail_again", "send", primary=True, shown=_failed),)

    @classmethod
    def object_queryset(cls, model: Any) -> QuerySet[OutgoingMail]:
        """Leave the attachment where it is: the page only names it."""
        return OutgoingMail.objects.select_related("created_by").defer("attachment")

    @classmethod
    def object_title(cls, instance: OutgoingMail) -> str:
        """Return the subject."""
        return instance.subject

    @classmethod
    def object_pills(cls, instance: OutgoingMail) -> list[SafeString]:
        """Return where it stands."""
        return [render.choice_pill(instance, "state")]

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add the facts."""
        mail = self.object
        facts = [
            ("From", mail.sender),
            ("Reply to", mail.reply_to or render.EMPTY),
            ("To", render.mono(mail.to)),
            ("Attached", mail.attachment_name or render.EMPTY),
            ("Asked for by", mail.created_by or "the product itself"),
            ("Asked for", render.moment(mail.created_at)),
            (mail.get_state_display(), render.moment(mail.state_since)),
            ("Tries", mail.tries),
            ("Tried next", render.moment(mail.due_at) if mail.state == MailState.QUEUED else render.EMPTY),
            ("Last failure", mail.error or render.EMPTY),
            ("Message-ID", render.mono(mail.message_id)),
        ]
        return super().get_context_data(facts=facts, **extra)


class MailAgain(FormActionView):
    """Try a failed message once more."""

    model = OutgoingMail
    title = "Send again"
    submit_label = "Send again"

    def get_queryset(self) -> QuerySet[OutgoingMail]:
        """Return messages without their files."""
        return OutgoingMail.objects.defer("attachment")

    def perform(self, form: Any) -> OutgoingMail:
        """Queue it."""
        return send_again(actor=self.actor, mail=self.object)

    def get_success_message(self, result: OutgoingMail) -> str:
        """Say that it waits."""
        return f"{result} is queued again."
