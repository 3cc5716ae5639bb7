"""A month's invoices for all accounts: what the preview showed is issued, once, whatever happens to the worker."""

import datetime as dt
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.models import Account
from billing.choices import EntryKind
from billing.posting import Posting, post
from cdr.invoices import issuing_runs
from cdr.invoices.issuing import draft_invoice
from cdr.invoices.models import Invoice, InvoiceRun, RunAccount
from cdr.invoices.runs import discard_run, preview_run, start_run
from cdr.invoices.tasks import issue_run, resume_runs
from core.business_time import today
from core.models import User
from systemlog.mail.models import OutgoingMail
from systemlog.models import LogEntry
from tests.inventory import a_carrier, at_the_same_moment
from tests.invoices.books import OCTOBER, a_call, a_customer, a_seller, an_administrator, balance_of, book, october


@pytest.fixture
def accounts(administrator: User) -> list[Account]:
    """Four accounts with charges in October, in two currencies, and one with a payment only."""
    a_seller(administrator)
    made = [a_customer(administrator, f"Client {n}", currency="JPY" if n == 3 else "EUR") for n in range(4)]
    for number, account in enumerate(made):
        a_call(account, f"{number + 1}.004", october(2))
    idle = a_customer(administrator, "Idle")
    book(idle, EntryKind.PAYMENT, "5", october(2))
    carrier = a_carrier(administrator, currency="EUR")
    with transaction.atomic():
        post([Posting(carrier.balance_id, EntryKind.CHARGE, Decimal(-9), "carrier", at=october(2))])
    return made


def previewed(actor: User, **more: bool) -> InvoiceRun:
    return preview_run(actor=actor, first_day=OCTOBER[0], last_day=OCTOBER[1], **more)


def started(actor: User, **more: bool) -> InvoiceRun:
    run = previewed(actor, **more)
    InvoiceRun.objects.filter(pk=run.pk).update(state="issuing")
    return run


@pytest.mark.django_db
def test_the_preview_is_the_result(administrator: User, accounts: list[Account]) -> None:
    run = started(administrator)
    assert not Invoice.objects.exists()
    before = {row.account_id: (row.lines_sum, row.tax, row.gross) for row in run.accounts.all()}
    assert set(before) == {account.pk for account in accounts}
    issue_run(run.pk)
    run.refresh_from_db()
    after = {row.account_id: (row.lines_sum, row.tax, row.gross) for row in Invoice.objects.all()}
    assert (run.state, after) == ("done", before)
    assert sorted(Invoice.objects.values_list("number", flat=True)) == [f"INV-2026-{n:05d}" for n in range(1, 5)]
    assert [balance_of(account) for account in accounts] == [-before[account.pk][2] for account in accounts]
    assert LogEntry.objects.get(reason="invoice_run_done").message == "Invoices of October 2026: 4 issued, 0 refused."
    issue_run(run.pk)
    assert Invoice.objects.count() == 4
    with pytest.raises(ValidationError, match="nothing to bill"):
        previewed(administrator)


@pytest.mark.django_db
def test_what_changed_since_the_preview_is_refused_and_the_rest_goes_on(
    administrator: User, accounts: list[Account]
) -> None:
    run = started(administrator)
    a_call(accounts[0], "1", october(5))
    draft_invoice(actor=administrator, account=accounts[1], first_day=OCTOBER[0], last_day=OCTOBER[1])
    issue_run(run.pk)
    rows = {row.account_id: (row.outcome, row.message) for row in run.accounts.all()}
    assert rows[accounts[0].pk] == (
        "refused", "It has changed since the preview, from 1.20 to 2.40 EUR: preview it again.",
    )  # fmt: skip
    assert rows[accounts[1].pk][0] == "refused" and "draft for this account" in rows[accounts[1].pk][1]
    assert [rows[account.pk][0] for account in accounts[2:]] == ["issued", "issued"]
    # What was refused has left nothing behind, and took no number.
    assert sorted(Invoice.objects.exclude(number=None).values_list("number", flat=True)) == [
        "INV-2026-00001", "INV-2026-00002",
    ]  # fmt: skip
    assert not Invoice.objects.filter(account=accounts[0]).exists()
    again = previewed(administrator)
    assert set(again.accounts.values_list("account", flat=True)) == {accounts[0].pk, accounts[1].pk}


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_dies_in_the_middle_loses_and_doubles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    actor = an_administrator()
    a_seller(actor)
    made = [a_customer(actor, f"Client {n}") for n in range(4)]
    for account in made:
        a_call(account, "1", october(2))
    run = started(actor)
    issue = issuing_runs.issue_as_previewed
    calls: list[int] = []

    def dying(*args: object) -> Invoice:
        calls.append(1)
        invoice = issue(*args)  # type: ignore[arg-type]
        if len(calls) == 3:
            raise SystemExit("killed after it had issued, before its commit")
        return invoice

    monkeypatch.setattr(issuing_runs, "issue_as_previewed", dying)
    with pytest.raises(SystemExit):
        issue_run(run.pk)
    assert Invoice.objects.count() == 2
    monkeypatch.undo()
    # Two workers take it up at once.
    at_the_same_moment(lambda: issue_run(run.pk), lambda: issue_run(run.pk))
    run.refresh_from_db()
    assert run.state == "done"
    assert sorted(Invoice.objects.values_list("number", flat=True)) == [f"INV-2026-{n:05d}" for n in range(1, 5)]
    assert [balance_of(account) for account in made] == [Decimal("-1.2")] * 4


@pytest.mark.django_db
def test_a_long_run_is_handed_on(administrator: User, accounts: list[Account], monkeypatch: pytest.MonkeyPatch) -> None:
    run = started(administrator)
    assert issuing_runs.issue_accounts(run, timezone.now() - dt.timedelta(seconds=1)) is False
    assert Invoice.objects.count() == 1
    told: list[int] = []
    monkeypatch.setattr("cdr.invoices.tasks.issue_run.delay", told.append)
    assert resume_runs() == 1 and told == [run.pk]


@pytest.mark.django_db
def test_each_goes_to_its_client_where_that_is_wanted(
    administrator: User, accounts: list[Account], settings: Settings
) -> None:
    settings.EMAIL_HOST = ""
    with pytest.raises(ValidationError, match="No mail server"):
        previewed(administrator, send=True)
    settings.EMAIL_HOST = "mail.example.net"
    accounts[1].client.email = ""
    accounts[1].client.save()
    run = started(administrator, send=True)
    issue_run(run.pk)
    assert OutgoingMail.objects.count() == 3
    messages = {row.account_id: row.message for row in run.accounts.all()}
    assert messages[accounts[1].pk] == "Not sent: The client has no e-mail address."
    assert messages[accounts[0].pk] == f"Queued for {accounts[0].client.email}"
    assert run.accounts.filter(outcome="issued").count() == 4


@pytest.mark.django_db
def test_an_operator_previews_and_issues_a_month(
    operator_page: Browser, support_page: Browser, administrator: User, accounts: list[Account],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    url = reverse("invoices:invoicerun_add")
    assert support_page.post(url, {"month": "2026-10-01"}).status_code == 403
    bad = operator_page.post(url, {"month": "2030-01-01"})
    assert bad.status_code == 422 and "Select a valid choice" in bad.content.decode()
    assert operator_page.post(url, {"month": "2026-10-01"}).status_code == 302
    run = InvoiceRun.objects.get()
    page = operator_page.get(run.get_absolute_url()).content.decode()
    # EUR: 1.20 + 2.40 + 3.60; JPY: 4.004 is 4, and no tax of 0.8 is paid but 1.
    assert "7.20" in page and "Client 0" in page and "Issue all" in page and "Idle" not in page
    told: list[int] = []
    monkeypatch.setattr("cdr.invoices.tasks.issue_run.delay", told.append)
    with django_capture_on_commit_callbacks(execute=True):
        assert operator_page.post(reverse("invoices:invoicerun_issue", args=[run.pk])).status_code == 302
    assert told == [run.pk]
    assert "0 of 4 accounts" in operator_page.get(run.get_absolute_url()).content.decode()
    assert operator_page.post(reverse("invoices:invoicerun_issue", args=[run.pk])).status_code == 422
    assert operator_page.post(reverse("invoices:invoicerun_discard", args=[run.pk])).status_code == 422
    issue_run(run.pk)
    htmx = {"HX-Request": "true", "HX-Target": "run-progress"}
    assert operator_page.get(run.get_absolute_url(), headers=htmx)["HX-Refresh"] == "true"
    page = operator_page.get(run.get_absolute_url()).content.decode()
    assert "4 issued" in page and "INV-2026-00004" in page
    assert "October 2026" in operator_page.get(reverse("invoices:invoicerun_list")).content.decode()


@pytest.mark.django_db
def test_a_preview_can_be_thrown_away_and_a_bad_one_says_why(administrator: User, accounts: list[Account]) -> None:
    run = previewed(administrator)
    discard_run(run=run)
    assert not InvoiceRun.objects.exists()
    with pytest.raises(ValidationError, match="has not ended"):
        preview_run(actor=administrator, first_day=OCTOBER[0], last_day=today() + dt.timedelta(days=1))
    a_seller(administrator, name="")
    with pytest.raises(ValidationError, match="lack the company"):
        previewed(administrator)
    a_seller(administrator)
    run = previewed(administrator)
    start_run(run=run)
    with pytest.raises(ValidationError, match="already"):
        start_run(run=run)
    with pytest.raises(ValidationError, match="has begun"):
        discard_run(run=run)


@pytest.mark.django_db
def test_a_fault_in_one_account_keeps_no_other_from_its_invoice(
    administrator: User, accounts: list[Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started(administrator)
    issue = issuing_runs.issue_as_previewed

    def faulty(run: InvoiceRun, row: RunAccount) -> Invoice:
        invoice = issue(run, row)
        if row.account_id == accounts[1].pk:
            raise ArithmeticError("a fault of ours")
        return invoice

    monkeypatch.setattr(issuing_runs, "issue_as_previewed", faulty)
    issue_run(run.pk)
    run.refresh_from_db()
    refused = run.accounts.get(outcome="refused")
    assert (run.state, refused.account_id, refused.message) == ("done", accounts[1].pk, issuing_runs.FAULT)
    assert sorted(Invoice.objects.values_list("number", flat=True)) == [f"INV-2026-{n:05d}" for n in range(1, 4)]
