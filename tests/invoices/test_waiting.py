"""Paid calls wait for no document: while one is made, the account's balance is free until the last moment."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from accounts.models import Account
from billing.choices import EntryKind
from billing.ledger import check_ledger
from cdr.invoices import crediting, issuing, issuing_runs, runs
from cdr.invoices.choices import CreditEffect
from cdr.invoices.crediting import credit_invoice
from cdr.invoices.issuing import CHANGED, draft_invoice, issue_invoice, refresh_draft
from cdr.invoices.models import Invoice, InvoicedEntry, NumberSeries
from core.models import User
from tests.inventory import at_the_same_moment
from tests.invoices.books import OCTOBER, a_call, a_customer, a_seller, an_administrator, balance_of, book, october, sql

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def actor() -> User:
    administrator = an_administrator()
    a_seller(administrator)
    return administrator


@pytest.fixture
def account(actor: User) -> Account:
    made = a_customer(actor)
    a_call(made, "1", october(2))
    return made


def draft_of(actor: User, account: Account) -> Invoice:
    return draft_invoice(actor=actor, account=account, first_day=OCTOBER[0], last_day=OCTOBER[1])


def beside(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *actions: Callable[[], Any]) -> list[Any]:
    """Let others do something after this function of the module has done its work; return what became of it."""
    results: list[Any] = []
    made = getattr(module, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        done = made(*args, **kwargs)
        results.extend(at_the_same_moment(*actions))
        return done

    monkeypatch.setattr(module, name, wrapped)
    return results


def reserves(account: Account) -> str:
    """Lock the balance as a decider does for a call, or fail at once."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT FROM billing_balance WHERE id = %s FOR NO KEY UPDATE NOWAIT", [account.balance_id])
    return "reserved"


def test_calls_are_let_in_and_charged_while_entries_are_bound(
    actor: User, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the sums of the account are right then: what was charged meanwhile is not asked for by this invoice."""
    later = october(31, 23).replace(month=11, day=20)
    draft = draft_of(actor, account)
    results = beside(
        monkeypatch, issuing, "link_entries", lambda: reserves(account), lambda: a_call(account, "0.5", later)
    )
    invoice = issue_invoice(actor=actor, invoice=draft)
    assert results[0] == "reserved" and not isinstance(results[1], Exception)
    assert (invoice.lines_sum, invoice.gross, invoice.due) == (1, Decimal("1.2"), Decimal("1.2"))
    assert balance_of(account) == Decimal("-1.7")
    assert InvoicedEntry.objects.count() == 1
    assert not check_ledger()


def test_a_charge_of_the_period_that_is_booked_meanwhile_stops_the_invoice(
    actor: User, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = draft_of(actor, account)
    beside(monkeypatch, issuing, "link_entries", lambda: a_call(account, "0.5", october(3)))
    with pytest.raises(ValidationError, match=CHANGED):
        issue_invoice(actor=actor, invoice=draft)
    assert not InvoicedEntry.objects.exists() and not NumberSeries.objects.exists()
    monkeypatch.undo()
    invoice = issue_invoice(actor=actor, invoice=refresh_draft(invoice=draft))
    assert (invoice.number, invoice.lines_sum) == ("INV-2026-00001", Decimal("1.5"))
    assert not check_ledger()


def test_a_payment_meanwhile_counts_and_a_draft_is_looked_at_without_the_balance(
    actor: User, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = draft_of(actor, account)
    results = beside(monkeypatch, issuing, "groups_of", lambda: reserves(account))
    refresh_draft(invoice=draft)
    assert results == ["reserved"]
    monkeypatch.undo()
    beside(monkeypatch, issuing, "unbilled_sum", lambda: book(account, EntryKind.PAYMENT, "1", october(31)))
    invoice = issue_invoice(actor=actor, invoice=Invoice.objects.get(pk=draft.pk))
    assert invoice.due == Decimal("0.2")


def test_the_document_is_set_and_sent_when_the_balance_is_free_again(
    actor: User, account: Account, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """A worker that dies before it sends leaves that to the next."""
    settings.EMAIL_HOST = "mail.example.net"
    run = runs.preview_run(actor=actor, first_day=OCTOBER[0], last_day=OCTOBER[1], send=True)
    row = run.accounts.get()

    def killed(*_: object) -> str:
        assert at_the_same_moment(lambda: reserves(account)) == ["reserved"]
        raise SystemExit

    monkeypatch.setattr(issuing_runs, "sent_words", killed)
    with pytest.raises(SystemExit):
        issuing_runs.issue_account(run, row.pk)
    row.refresh_from_db()
    assert (row.outcome, row.message, row.invoice is not None) == ("issued", "", True)
    monkeypatch.undo()
    settings.EMAIL_HOST = "mail.example.net"
    assert issuing_runs.issue_accounts(run, october(31).replace(year=2099)) is True
    row.refresh_from_db()
    assert row.message.startswith("Queued for ")
    assert Invoice.objects.count() == 1


def test_charges_are_released_before_the_balance_is_locked(
    actor: User, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = issue_invoice(actor=actor, invoice=draft_of(actor, account))
    made = crediting.issue_note
    results: list[Any] = []

    def looked_at(*args: Any) -> None:
        assert InvoicedEntry.objects.filter(released=True).count() == 1
        results.extend(at_the_same_moment(lambda: reserves(account)))
        made(*args)

    monkeypatch.setattr(crediting, "issue_note", looked_at)
    credit_invoice(actor=actor, invoice=invoice, reason="Wrong address", effect=CreditEffect.BILL_AGAIN)
    assert results == ["reserved"]
    assert not check_ledger()


@pytest.mark.parametrize("then", ["", "DELETE FROM invoices_invoice WHERE kind = 'credit_note'"])
def test_a_credit_note_that_is_not_issued_releases_nothing(actor: User, account: Account, then: str) -> None:
    """Whoever writes to the database."""
    invoice = issue_invoice(actor=actor, invoice=draft_of(actor, account))
    with pytest.raises(IntegrityError, match="issued where it is made"), transaction.atomic():
        note = crediting.new_note(
            invoice, actor, "slip", CreditEffect.BILL_AGAIN, crediting.left_to_credit(invoice), whole=True
        )
        assert note.state == "draft"
        sql("UPDATE invoices_invoicedentry SET released = true")
        if then:
            sql(then)
    assert not InvoicedEntry.objects.filter(released=True).exists()
