"""Credit notes: an invoice is corrected by another document, and the two cancel out to the cent."""

from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.utils import DatabaseError
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Account
from accounts.services import update_client
from billing.choices import EntryKind
from billing.models import LedgerEntry
from cdr.invoices.billables import unbilled_sum
from cdr.invoices.choices import CreditEffect
from cdr.invoices.crediting import credit_invoice, left_to_credit
from cdr.invoices.issuing import draft_invoice, issue_invoice
from cdr.invoices.models import Invoice
from core.models import User
from tests.invoices.books import OCTOBER, a_call, a_customer, a_seller, balance_of, book, october, sql

pytestmark = pytest.mark.django_db
GIVE_BACK, BILL_AGAIN = CreditEffect.GIVE_BACK, CreditEffect.BILL_AGAIN


@pytest.fixture
def account(administrator: User) -> Account:
    a_seller(administrator)
    return a_customer(administrator)


def issued(actor: User, account: Account) -> Invoice:
    draft = draft_invoice(actor=actor, account=account, first_day=OCTOBER[0], last_day=OCTOBER[1])
    return issue_invoice(actor=actor, invoice=draft)


def books_agree(account: Account) -> None:
    """Prove that documents and unbilled charges are what the balance lost, but for money that moved."""
    money = LedgerEntry.objects.filter(balance=account.balance_id, kind="payment")
    documents = sum((invoice.gross for invoice in Invoice.objects.exclude(state="draft")), Decimal(0))
    paid = sum((entry.amount for entry in money), Decimal(0))
    assert balance_of(account) == paid - documents + unbilled_sum(account.balance_id)


def test_a_whole_invoice_is_given_back_and_never_billed_again(administrator: User, account: Account) -> None:
    book(account, EntryKind.PAYMENT, "10", october(1))
    a_call(account, "1.234567", october(2))
    a_call(account, "0.5", october(2), number="37167220100")
    invoice = issued(administrator, account)
    note = credit_invoice(actor=administrator, invoice=invoice, reason="Wrong client", effect=GIVE_BACK)
    invoice.refresh_from_db()
    assert (invoice.state, note.state, note.number, note.corrects) == ("credited", "issued", "CN-2026-00001", invoice)
    assert (note.gross, note.net, note.tax, note.rounding) == (
        -invoice.gross, -invoice.net, -invoice.tax, -invoice.rounding,
    )  # fmt: skip
    assert [(line.amount, line.quantity) for line in note.lines.all()] == [
        (-line.amount, line.quantity) for line in invoice.lines.all()
    ]
    assert balance_of(account) == 10
    assert unbilled_sum(account.balance_id) == 0
    books_agree(account)
    with pytest.raises(ValidationError, match="no issued invoice"):
        credit_invoice(actor=administrator, invoice=invoice, reason="again", effect=GIVE_BACK)
    with pytest.raises(ValidationError, match="no issued invoice"):
        credit_invoice(actor=administrator, invoice=note, reason="again", effect=GIVE_BACK)
    with pytest.raises(DatabaseError, match="stays as it is"):
        sql("UPDATE invoices_invoice SET note = 'x' WHERE kind = 'credit_note'")


def test_charges_are_billed_again_with_what_was_wrong_put_right(administrator: User, account: Account) -> None:
    a_call(account, "10", october(2))
    wrong = issued(administrator, account)
    credit_invoice(actor=administrator, invoice=wrong, reason="Wrong tax", effect=BILL_AGAIN)
    assert unbilled_sum(account.balance_id) == -10 == balance_of(account)
    books_agree(account)
    update_client(actor=administrator, client=account.client, tax_rate=Decimal(5))
    account.client.refresh_from_db()
    right = issued(administrator, account)
    assert (right.number, right.gross, right.lines_sum) == ("INV-2026-00002", Decimal("10.5"), wrong.lines_sum)
    assert balance_of(account) == Decimal("-10.5")
    books_agree(account)
    # What is billed by the new invoice is not released by the old one's credit note once more.
    with pytest.raises(DatabaseError):
        sql("UPDATE invoices_invoicedentry SET released = false WHERE released")


def test_parts_of_lines_are_credited_up_to_the_whole(administrator: User, account: Account) -> None:
    a_call(account, "10", october(2))
    a_call(account, "4", october(2), number="37167220100")
    invoice = issued(administrator, account)
    riga, london = invoice.lines.all()
    first = credit_invoice(
        actor=administrator, invoice=invoice, reason="Outage", effect=GIVE_BACK, amounts={london.pk: Decimal("2.5")}
    )
    invoice.refresh_from_db()
    assert (invoice.state, first.net, first.tax, first.gross) == ("issued", Decimal("-2.5"), Decimal("-0.5"), -3)
    assert left_to_credit(invoice) == {riga.pk: 4, london.pk: Decimal("7.5")}
    for amounts in ({london.pk: Decimal("7.500001")}, {london.pk: Decimal(-1)}, {riga.pk + 99: Decimal(1)}):
        with pytest.raises(ValidationError, match="can be credited"):
            credit_invoice(actor=administrator, invoice=invoice, reason="x", effect=GIVE_BACK, amounts=amounts)
    with pytest.raises(ValidationError, match="Choose what"):
        credit_invoice(actor=administrator, invoice=invoice, reason="x", effect=GIVE_BACK, amounts={})
    with pytest.raises(ValidationError, match="as a whole"):
        credit_invoice(actor=administrator, invoice=invoice, reason="x", effect=BILL_AGAIN)
    rest = credit_invoice(actor=administrator, invoice=invoice, reason="The rest", effect=GIVE_BACK)
    invoice.refresh_from_db()
    assert invoice.state == "credited" and first.gross + rest.gross == -invoice.gross
    assert balance_of(account) == 0
    books_agree(account)


def test_only_an_administrator_credits_and_says_why(administrator: User, operator: User, account: Account) -> None:
    a_call(account, "1", october(2))
    invoice = issued(administrator, account)
    with pytest.raises(PermissionDenied):
        credit_invoice(actor=operator, invoice=invoice, reason="x", effect=GIVE_BACK)
    with pytest.raises(ValidationError, match="Say why"):
        credit_invoice(actor=administrator, invoice=invoice, reason=" ", effect=GIVE_BACK)
    draft = draft_or_none(administrator, account)
    if draft:
        with pytest.raises(ValidationError, match="no issued invoice"):
            credit_invoice(actor=administrator, invoice=draft, reason="x", effect=GIVE_BACK)


def draft_or_none(actor: User, account: Account) -> Invoice | None:
    a_call(account, "1", october(3))
    Invoice.objects.filter(state="draft").delete()
    LedgerEntry.objects.filter(billed=None, kind="charge").update(at=october(3))
    return draft_invoice(actor=actor, account=account, first_day=OCTOBER[0], last_day=OCTOBER[1])


def test_a_credit_that_would_ask_for_more_is_refused(administrator: User, account: Account) -> None:
    a_call(account, "10", october(2))
    book(account, EntryKind.ADJUSTMENT, "3", october(3), note="Goodwill")
    invoice = issued(administrator, account)
    goodwill = invoice.lines.get(kind="adjustment")
    with pytest.raises(ValidationError, match="ask for more"):
        credit_invoice(
            actor=administrator, invoice=invoice, reason="x", effect=GIVE_BACK, amounts={goodwill.pk: goodwill.amount}
        )


@settings(max_examples=12)
@given(
    lines=st.lists(st.integers(1, 2_000_000), min_size=1, max_size=4),
    rate=st.sampled_from(["0", "5", "7.7", "20", "21"]),
    included=st.booleans(),
    cuts=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 100)), max_size=6),
)
def test_an_invoice_and_its_credit_notes_cancel_out(
    django_db_setup: None, lines: list[int], rate: str, included: bool, cuts: list[tuple[int, int]]
) -> None:
    """However it is cut and rounded: nothing is left of it, and the balance is where it was."""
    from django.db import transaction

    class Done(Exception):
        pass

    try:
        with transaction.atomic():
            actor = User.objects.create(username="hypothesis", role="administrator")
            a_seller(actor)
            account = a_customer(actor, "Property", tax_rate=Decimal(rate), tax_included=included)
            for place, millionths in enumerate(lines):
                a_call(account, str(Decimal(millionths).scaleb(-6)), october(2), number=f"4420794600{place:02d}")
            invoice = issued(actor, account)
            for place, percent in cuts:
                invoice.refresh_from_db()
                left = left_to_credit(invoice)
                if not left or invoice.state == "credited":
                    break
                pk = list(left)[place % len(left)]
                amount = (left[pk] * percent / 100).quantize(Decimal("0.000001"))
                if amount:
                    credit_invoice(actor=actor, invoice=invoice, reason="x", effect=GIVE_BACK, amounts={pk: amount})
                    books_agree(account)
            invoice.refresh_from_db()
            if invoice.state == "issued":
                credit_invoice(actor=actor, invoice=invoice, reason="x", effect=GIVE_BACK)
            notes = invoice.credit_notes.all()
            for name in ("lines_sum", "rounding", "net", "tax", "gross"):
                assert sum(getattr(note, name) for note in notes) == -getattr(invoice, name), name
            assert all(note.gross <= 0 and note.tax <= 0 for note in notes)
            assert all(note.net + note.tax == note.gross for note in notes)
            assert balance_of(account) == 0
            raise Done
    except Done:
        pass
