"""Outgoing mail, against a real mail server: sent once, tried again, given up, and each outcome told."""

import datetime as dt
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from core.mail_settings import read_mail_url
from core.models import User
from systemlog.mail.delivery import AWAY, deliver, due_mail
from systemlog.mail.models import OutgoingMail
from systemlog.mail.server import NoMailServer
from systemlog.mail.services import Attachment, queue_mail, send_again, sender_address
from systemlog.mail.tasks import deliver_due_mail, prune_attachments
from systemlog.models import LogEntry
from tests.mail.server import Keeper, mail_server

pytestmark = pytest.mark.django_db
PDF = Attachment("invoice 2026-1.pdf", b"%PDF-1.4 \x00\xff")


@pytest.fixture
def server(settings: Settings) -> Iterator[Keeper]:
    """A running mail server that the product uses."""
    cache.delete(AWAY)
    with mail_server() as (keeper, host, port):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = host, port
        settings.EMAIL_HOST_USER, settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = "", False, False
        settings.MAIL_FROM = "billing@aurora.example"
        yield keeper


def a_mail(key: str = "one", **values: object) -> OutgoingMail:
    fields = {"to": "client@bloom.example", "subject": "Invoice 2026-1", "body": "Dear Bloom,\n\nsee attached."}
    return queue_mail(key=key, **{**fields, **values})  # type: ignore[arg-type]


def reasons() -> list[str]:
    return list(LogEntry.objects.order_by("id").values_list("reason", flat=True))


def test_a_message_arrives_with_its_file_and_the_log_says_so(server: Keeper) -> None:
    refs = [{"kind": "account", "id": 7, "label": "Main"}]
    mail = a_mail(
        attachment=PDF,
        refs=refs,
        sender=sender_address("Żółć Telecom", "pay@aurora.example"),
        reply_to="help@a.example",
    )
    assert deliver(mail.pk) == "sent"
    (message,) = server.messages
    assert message["From"] == "Żółć Telecom <pay@aurora.example>"
    assert (message["To"], message["Reply-To"]) == ("client@bloom.example", "help@a.example")
    assert (message["Subject"], message["Message-ID"]) == ("Invoice 2026-1", mail.message_id)
    (file,) = message.iter_attachments()
    assert file.get_filename() == "invoice-2026-1.pdf"
    assert (file.get_content_type(), file.get_content()) == ("application/pdf", PDF.content)
    entry = LogEntry.objects.get(reason="mail_sent")
    assert "client@bloom.example" in entry.message and entry.refs == refs


def test_one_key_is_one_message_and_one_delivery(server: Keeper) -> None:
    assert a_mail().pk == a_mail(subject="another").pk
    pk = OutgoingMail.objects.get().pk
    assert (deliver(pk), deliver(pk)) == ("sent", None)
    assert len(server.messages) == 1


def test_a_worker_is_told_after_the_commit_only(
    server: Keeper, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr("systemlog.mail.services.hand_to_worker", told.append)
    with django_capture_on_commit_callbacks(execute=True):
        mail = a_mail()
        a_mail()
        assert told == []
    assert told == [mail.pk]


def test_without_a_server_it_says_so_and_writes_nothing(settings: Settings) -> None:
    settings.EMAIL_HOST = ""
    with pytest.raises(NoMailServer, match="No mail server is set"):
        a_mail()
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize(
    "hostile",
    [
        "a@b.example\nBcc: x@y.example",
        "a@b.example\r\n\r\nbody",
        "a@b.example, c@d.example",
        "",
        "nobody",
        "<a@b.example>",
    ],
)
def test_no_address_carries_a_header(server: Keeper, hostile: str) -> None:
    with pytest.raises(ValidationError) as refused:
        a_mail(to=hostile)
    assert "to" in refused.value.message_dict
    if hostile:
        with pytest.raises(ValidationError):
            a_mail(reply_to=hostile)
    with pytest.raises(ValidationError):
        sender_address("x", hostile)
    assert not OutgoingMail.objects.exists()


def test_no_name_subject_or_file_name_carries_a_header(server: Keeper) -> None:
    evil = "Invoice\r\nBcc: thief@evil.example\n\n<b>\u2028X-Evil: 1\u202etxt"
    mail = a_mail(subject=evil, sender=sender_address(evil, "pay@a.example"), attachment=Attachment(evil, b"x"))
    assert deliver(mail.pk) == "sent"
    (message,) = server.messages
    assert message["Bcc"] is None and message["X-Evil"] is None
    assert server.recipients == [["client@bloom.example"]]
    assert message["Subject"] == "Invoice Bcc: thief@evil.example <b> X-Evil: 1txt"
    assert next(message.iter_attachments()).get_filename().startswith("Invoice-Bcc-")


def test_a_failure_that_may_pass_is_tried_again_with_growing_pauses(server: Keeper) -> None:
    server.answers["client@bloom.example"] = "451 4.7.1 greylisted, come back"
    mail = a_mail()
    waits = []
    for _ in range(5):
        assert deliver(mail.pk) == "queued"
        mail.refresh_from_db()
        waits.append((mail.due_at - timezone.now()).total_seconds())
        assert deliver(mail.pk) is None, "not before its time"
        OutgoingMail.objects.update(due_at=timezone.now())
    assert waits == pytest.approx([60, 300, 1_800, 7_200, 21_600], abs=30)
    assert "greylisted" in mail.error
    assert due_mail() == [mail.pk]
    server.answers.clear()
    assert deliver_due_mail() == 1
    mail.refresh_from_db()
    assert (mail.state, mail.tries, mail.error) == ("sent", 6, "")
    assert reasons() == ["mail_delayed"] * 5 + ["mail_sent"]


def test_it_is_given_up_after_the_last_try(server: Keeper) -> None:
    server.data_answer = "452 4.3.1 no space"
    mail = a_mail()
    for _ in range(6):
        deliver(mail.pk)
        OutgoingMail.objects.update(due_at=timezone.now())
    mail.refresh_from_db()
    assert (mail.state, mail.tries) == ("failed", 6)
    assert due_mail() == []
    assert reasons()[-1] == "mail_failed"


@pytest.mark.parametrize("where", ["recipient", "message"])
def test_a_refusal_for_good_is_not_tried_again_but_by_a_person(server: Keeper, operator: User, where: str) -> None:
    if where == "recipient":
        server.answers["client@bloom.example"] = "550 5.1.1 no such user\u202e"
    else:
        server.data_answer = "554 5.7.1 spam"
    mail = a_mail()
    assert deliver(mail.pk) == "failed"
    mail.refresh_from_db()
    assert mail.error.startswith("the mail server") and ("550" in mail.error or "554" in mail.error)
    assert reasons() == ["mail_failed"]
    server.answers.clear()
    server.data_answer = "250 OK"
    send_again(actor=operator, mail=mail)
    assert deliver(mail.pk) == "sent"
    with pytest.raises(ValidationError):
        send_again(actor=operator, mail=mail)


def test_a_server_that_is_away_delays(server: Keeper, settings: Settings) -> None:
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 9  # discard: nothing listens
    mail = a_mail()
    assert deliver(mail.pk) == "queued"
    mail.refresh_from_db()
    assert "refused" in mail.error.lower()
    # It is left alone for a minute: the next message waits, and that is no try.
    settings.EMAIL_PORT = port
    other = a_mail("two")
    assert deliver(other.pk) is None and deliver_due_mail() == 0
    other.refresh_from_db()
    assert (other.state, other.tries) == ("queued", 0)
    cache.delete(AWAY)
    assert deliver_due_mail() == 1 and len(server.messages) == 1


def test_the_message_of_a_dead_worker_is_taken_over_after_its_time(server: Keeper) -> None:
    mail = a_mail()
    OutgoingMail.objects.update(state="sending", state_since=timezone.now())
    assert due_mail() == [] and deliver(mail.pk) is None
    OutgoingMail.objects.update(state_since=timezone.now() - dt.timedelta(hours=1))
    assert deliver_due_mail() == 1
    assert len(server.messages) == 1


def test_old_files_go_and_the_message_stays(server: Keeper) -> None:
    mail = a_mail(attachment=PDF)
    deliver(mail.pk)
    prune_attachments()
    assert OutgoingMail.objects.exclude(attachment=None).exists()
    OutgoingMail.objects.update(state_since=timezone.now() - dt.timedelta(days=31))
    prune_attachments()
    assert not OutgoingMail.objects.exclude(attachment=None).exists()


def test_a_person_sees_what_failed_and_sends_it_again(
    server: Keeper, operator_page: Browser, support_page: Browser
) -> None:
    server.answers["client@bloom.example"] = "550 5.1.1 no such user"
    mail = a_mail(subject="Invoice <b>1</b>")
    deliver(mail.pk)
    shown = operator_page.get(reverse("mail:outgoingmail_list")).content.decode()
    assert "Invoice &lt;b&gt;1&lt;/b&gt;" in shown and "no such user" in shown
    page = operator_page.get(mail.get_absolute_url()).content.decode()
    assert "Send again" in page and "see attached." in page
    assert "Send again" not in support_page.get(mail.get_absolute_url()).content.decode()
    server.answers.clear()
    assert operator_page.post(reverse("mail:outgoingmail_again", args=[mail.pk])).status_code == 302
    assert deliver(mail.pk) == "sent"
    assert "Send again" not in operator_page.get(mail.get_absolute_url()).content.decode()


def test_the_empty_list_says_that_no_server_is_set(settings: Settings, operator_page: Browser) -> None:
    settings.EMAIL_HOST = ""
    assert "No mail server is set" in operator_page.get(reverse("mail:outgoingmail_list")).content.decode()


@pytest.mark.parametrize(
    ("url", "host", "port", "starttls", "tls"),
    [
        ("", "", 0, False, False),
        ("smtp://mail.example.net", "mail.example.net", 25, False, False),
        ("smtp+tls://u:p%40ss@mail.example.net", "mail.example.net", 587, True, False),
        ("smtps://u:p%40ss@[2001:db8::1]:4650/", "2001:db8::1", 4650, False, True),
    ],
)
def test_the_setting_names_a_server(url: str, host: str, port: int, starttls: bool, tls: bool) -> None:
    server = read_mail_url(url)
    assert (server.host, server.port, server.starttls, server.tls) == (host, port, starttls, tls)
    assert server.password == ("p@ss" if "p%40ss" in url else "")


@pytest.mark.parametrize("url", ["mail.example.net", "http://x", "smtp://", "smtp://h:99999", "smtp://u:secret@h/a?b"])
def test_a_setting_that_cannot_work_is_named_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="EMAIL_URL") as error:
        read_mail_url(url)
    assert "secret" not in str(error.value)
