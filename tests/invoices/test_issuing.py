"""From a ledger to an issued invoice: each entry billed once, sums right to the last cent, nothing changed later."""

import datetime as dt
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, InternalError, transaction
from django.db.utils import DatabaseError
from pytest_django import Settings

from accounts.models import Account
from accounts.services import update_client
from billing.choices import EntryKind
from billing.models import LedgerEntry
from billing.posting import CallLeg
from billing.statements import Period, statement_of
from cdr.invoices.billables import unbilled_sum
from cdr.invoices.issuing import CHANGED, discard_draft, draft_invoice, issue_invoice, refresh_draft
from cdr.invoices.models import Invoice, InvoicedEntry, InvoiceLine, NumberSeries
from cdr.models import ChargedLeg
from core.business_time import today
from core.models import User
from systemlog.models import LogEntry
from tests.invoices.books import OCTOBER, SEPTEMBER, a_call, a_customer, a_seller, balance_of, book, october, sql

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(administrator: User) -> Account:
    """An account of a client with an address, sold to by a company with 20 % VAT."""
    a_seller(administrator)
    return a_customer(administrator)


def issued(actor: User, account: Account, period: tuple[dt.date, dt.date] = OCTOBER) -> Invoice:
    draft = draft_invoice(actor=actor, account=account, first_day=period[0], last_day=period[1])
    return issue_invoice(actor=actor, invoice=draft)


def test_calls_rentals_and_adjustments_become_lines_and_payments_do_not(administrator: User, account: Account) -> None:
    book(account, EntryKind.PAYMENT, "100", october(1))
    a_call(account, "0.123456", october(2), seconds=90)
    a_call(account, "0.100000", october(3), seconds=30)
    a_call(account, "0.000001", october(4), number="37167220100")
    book(
        account,
        EntryKind.RENTAL,
        "-5",
        october(5),
        "rental:1:sold:1:monthly:20261001",
        note="Rental of +371 67 220 100",
    )
    book(account, EntryKind.REFUND, "2", october(6), "rental:1:sold:1:refund:20261001", note="Refund of rental")
    book(account, EntryKind.REFUND, "-1", october(6), "refund:1", note="Paid back")
    book(account, EntryKind.ADJUSTMENT, "0.5", october(7), note="Goodwill")
    invoice = issued(administrator, account)
    lines = [(line.kind, line.description, line.quantity, line.unit, line.amount) for line in invoice.lines.all()]
    assert lines == [
        ("calls", "+371 67 220 100: 1 call", Decimal("1.00"), "min", Decimal("0.000001")),
        ("calls", "+44 20 7946 0018: 2 calls", Decimal("2.00"), "min", Decimal("0.223456")),
        ("rental", "Rental of +371 67 220 100", None, "", Decimal(5)),
        ("rental", "Refund of rental", None, "", Decimal(-2)),
        ("adjustment", "Goodwill", None, "", Decimal("-0.5")),
    ]
    # 0.000001 + 0.223456 + 5 - 2 - 0.5 = 2.723457, paid as 2.72, of which 20 % are 0.544.
    assert (invoice.lines_sum, invoice.rounding) == (Decimal("2.723457"), Decimal("-0.003457"))
    assert (invoice.net, invoice.tax, invoice.gross) == (Decimal("2.72"), Decimal("0.54"), Decimal("3.26"))
    assert balance_of(account) == 100 - 1 - Decimal("3.26")
    assert (invoice.state, invoice.number, invoice.due, invoice.due_on) == ("issued", "INV-2026-00001", 0, None)
    assert (invoice.client_name, invoice.client_address) == ("Bloom Ltd", "5 Long Street\nRiga")
    entry = LogEntry.objects.get(reason="invoice_issued")
    assert "INV-2026-00001" in entry.message and "3.26 EUR" in entry.message


def test_the_invoice_takes_exactly_its_total_from_the_balance(administrator: User, account: Account) -> None:
    for number in range(40):
        a_call(account, f"1.{number + 1:06d}", october(1 + number % 28), number=f"4420794600{number % 7:02d}")
    invoice = issued(administrator, account)
    assert balance_of(account) == -invoice.gross
    assert invoice.lines_sum + invoice.rounding + invoice.tax == invoice.gross == invoice.net + invoice.tax
    assert sum(line.amount for line in invoice.lines.all()) == invoice.lines_sum
    billed = LedgerEntry.objects.filter(billed__line__invoice=invoice)
    assert -sum(entry.amount for entry in billed) == invoice.lines_sum and len(billed) == 40
    assert unbilled_sum(account.balance_id) == 0
    kinds = LedgerEntry.objects.exclude(kind="charge").values_list("kind", "amount")
    assert dict(kinds) == {"tax": -invoice.tax, "rounding": -invoice.rounding}


def test_nothing_is_billed_twice_and_what_comes_late_is_billed_next_and_says_so(
    administrator: User, account: Account
) -> None:
    a_call(account, "1", october(10))
    first = issued(administrator, account)
    with pytest.raises(ValidationError, match="nothing to bill"):
        draft_invoice(actor=administrator, account=account, first_day=OCTOBER[0], last_day=OCTOBER[1])
    # The switch tells of an October call in November; the ledger books it then.
    yesterday = today() - dt.timedelta(days=1)
    late = a_call(account, "2", dt.datetime.now(dt.UTC) - dt.timedelta(days=2), started_at=october(31, 23))
    LedgerEntry.objects.filter(attempt_id=late).update(at=dt.datetime.now(dt.UTC) - dt.timedelta(days=2))
    second = issued(administrator, account, (dt.date(2026, 11, 1), yesterday))
    (line,) = second.lines.all()
    assert line.late and line.description == "+44 20 7946 0018: 1 call (of October 2026)"
    assert line.amount == 2
    assert [first.number, second.number] == ["INV-2026-00001", "INV-2026-00002"]
    assert balance_of(account) == -(first.gross + second.gross)


def test_a_month_nobody_billed_is_billed_with_the_next(administrator: User, account: Account) -> None:
    a_call(account, "1", dt.datetime(2026, 9, 10, tzinfo=dt.UTC))
    a_call(account, "2", october(10))
    invoice = issued(administrator, account)
    assert [(line.description, line.late) for line in invoice.lines.all()] == [
        ("+44 20 7946 0018: 1 call", False),
        ("+44 20 7946 0018: 1 call (of September 2026)", True),
    ]


def test_the_periods_bounds_are_those_of_the_business_time_zone(
    administrator: User, account: Account, settings: Settings
) -> None:
    settings.BUSINESS_TIME_ZONE = "Europe/Riga"
    # Riga leaves summer time on 25 October 2026, so November begins at 22:00 UTC and October began at 21:00.
    inside, outside = dt.datetime(2026, 9, 30, 21, 0, tzinfo=dt.UTC), dt.datetime(2026, 10, 31, 22, 0, tzinfo=dt.UTC)
    a_call(account, "1", inside, seconds=0)
    a_call(account, "2", outside - dt.timedelta(microseconds=1), seconds=0)
    a_call(account, "4", outside, seconds=0)
    invoice = issued(administrator, account)
    assert invoice.lines_sum == 3
    assert not invoice.lines.filter(late=True).exists()
    assert unbilled_sum(account.balance_id) == -4


def test_a_correction_moves_money_and_is_no_second_call(administrator: User, account: Account) -> None:
    attempt = a_call(account, "1", october(5), seconds=60)
    leg = ChargedLeg.objects.get(attempt_id=attempt)
    book(
        account, EntryKind.CHARGE, "-0.5", october(6), f"call:{attempt}:account:1",
        call=CallLeg(attempt, leg.started_at, "account"),
    )  # fmt: skip
    (line,) = issued(administrator, account).lines.all()
    assert (line.description, line.quantity, line.amount) == ("+44 20 7946 0018: 1 call", 1, Decimal("1.5"))


def test_calls_can_be_summed_up_by_day(administrator: User, account: Account) -> None:
    a_seller(administrator, line_detail="day")
    a_call(account, "1", october(5))
    a_call(account, "2", october(5), number="37167220100")
    a_call(account, "4", october(6))
    lines = [(line.description, line.amount) for line in issued(administrator, account).lines.all()]
    assert lines == [("5 October 2026: 2 calls", 3), ("6 October 2026: 1 call", 4)]


@pytest.mark.parametrize(
    ("paid", "charge", "due"),
    [("0", "10", "12.00"), ("5", "10", "7.00"), ("12", "10", "0"), ("100", "10", "0"), ("11.999999", "10", "0.000001")],
)
def test_what_the_balance_does_not_cover_is_due(
    administrator: User, account: Account, paid: str, charge: str, due: str
) -> None:
    if paid != "0":
        book(account, EntryKind.PAYMENT, paid, october(1))
    a_call(account, charge, october(2))
    # What is used since counts for the next invoice, not for this one.
    a_call(account, "7", dt.datetime.now(dt.UTC))
    invoice = issued(administrator, account)
    assert invoice.due == Decimal(due)
    assert (invoice.due_on is not None) is (invoice.due > 0)


def test_an_old_debt_does_not_make_an_invoice_ask_for_more_than_itself(administrator: User, account: Account) -> None:
    a_call(account, "100", dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC))
    a_call(account, "10", october(2))
    assert issued(administrator, account, SEPTEMBER).due == 120
    assert issued(administrator, account).due == 12


def test_more_given_back_than_charged_makes_an_invoice_below_zero(administrator: User, account: Account) -> None:
    a_call(account, "1", october(2))
    book(account, EntryKind.ADJUSTMENT, "11", october(3), note="Outage of 2 October")
    invoice = issued(administrator, account)
    assert (invoice.net, invoice.tax, invoice.gross, invoice.due) == (-10, -2, -12, 0)
    assert balance_of(account) == 12


@pytest.mark.parametrize(
    ("currency", "rate", "included", "charge", "sums"),
    [
        ("JPY", "10", False, "100.5", ("0.5", "101", "10", "111")),
        ("KWD", "5", False, "1.000500", ("0.000500", "1.001", "0.050", "1.051")),
        ("EUR", "0", False, "1.005", ("0.005", "1.01", "0.00", "1.01")),
        ("EUR", "20", True, "12", ("0", "10.00", "2.00", "12.00")),
        ("EUR", "21", True, "0.999999", ("0.000001", "0.83", "0.17", "1.00")),
        ("EUR", "7.7", False, "999999.994999", ("-0.004999", "999999.99", "77000.00", "1076999.99")),
    ],
)
def test_tax_and_rounding_in_each_currency(
    administrator: User, currency: str, rate: str, included: bool, charge: str, sums: tuple[str, ...]
) -> None:
    a_seller(administrator)
    account = a_customer(administrator, currency=currency, tax_rate=Decimal(rate), tax_included=included)
    a_call(account, charge, october(2))
    invoice = issued(administrator, account)
    assert (invoice.rounding, invoice.net, invoice.tax, invoice.gross) == tuple(map(Decimal, sums))
    assert balance_of(account) == -invoice.gross


def test_what_changed_since_the_draft_is_not_issued_unseen(administrator: User, account: Account) -> None:
    a_call(account, "1", october(2))
    draft = draft_invoice(actor=administrator, account=account, first_day=OCTOBER[0], last_day=OCTOBER[1])
    a_call(account, "2", october(3))
    with pytest.raises(ValidationError, match="changed since"):
        issue_invoice(actor=administrator, invoice=draft)
    assert not NumberSeries.objects.exists() and not InvoicedEntry.objects.exists()
    assert refresh_draft(invoice=draft).gross == Decimal("3.60")
    update_client(actor=administrator, client=account.client, billing_address="6 Short Street")
    with pytest.raises(ValidationError) as refused:
        issue_invoice(actor=administrator, invoice=draft)
    assert refused.value.messages == [CHANGED]
    refresh_draft(invoice=draft)
    assert issue_invoice(actor=administrator, invoice=draft).client_address == "6 Short Street"
    with pytest.raises(ValidationError, match="no draft any more"):
        issue_invoice(actor=administrator, invoice=draft)
    with pytest.raises(ValidationError, match="no draft any more"):
        discard_draft(invoice=draft)


def test_a_period_that_has_not_ended_and_a_seller_without_address_are_refused(
    administrator: User, account: Account
) -> None:
    a_call(account, "1", october(2))
    tomorrow = today() + dt.timedelta(days=1)
    draft = draft_invoice(actor=administrator, account=account, first_day=OCTOBER[0], last_day=tomorrow)
    with pytest.raises(ValidationError, match="has not ended"):
        issue_invoice(actor=administrator, invoice=draft)
    with pytest.raises(ValidationError, match="ends before"):
        draft_invoice(actor=administrator, account=account, first_day=tomorrow, last_day=OCTOBER[0])
    discard_draft(invoice=draft)
    draft = draft_invoice(actor=administrator, account=account, first_day=OCTOBER[0], last_day=OCTOBER[1])
    with pytest.raises(ValidationError, match="already"):
        draft_invoice(actor=administrator, account=account, first_day=OCTOBER[0], last_day=OCTOBER[1])
    a_seller(administrator, address=" ")
    refresh_draft(invoice=draft)
    with pytest.raises(ValidationError, match="address of the seller"):
        issue_invoice(actor=administrator, invoice=draft)
    assert InvoiceLine.objects.count() == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE invoices_invoice SET gross = 0",
        "UPDATE invoices_invoice SET client_name = 'x'",
        "UPDATE invoices_invoice SET state = 'draft'",
        "UPDATE invoices_invoice SET state = 'credited'",
        "UPDATE invoices_invoice SET number = 'INV-2026-99999'",
        "DELETE FROM invoices_invoicedentry",
        "UPDATE invoices_invoicedentry SET released = true",
        "UPDATE invoices_invoiceline SET amount = 0",
        "UPDATE invoices_invoiceline SET description = 'x', invoice_id = invoice_id",
        "DELETE FROM invoices_invoiceline WHERE id NOT IN (SELECT line_id FROM invoices_invoicedentry)",
        "INSERT INTO invoices_invoiceline (invoice_id, position, kind, description, unit, amount, late) "
        "SELECT id, 99, 'other', 'x', '', 1, false FROM invoices_invoice",
        "INSERT INTO invoices_invoicedentry (entry_id, line_id, released) "
        "SELECT e.id, l.id, false FROM billing_ledgerentry e, invoices_invoiceline l WHERE e.kind = 'payment'",
    ],
)
def test_the_database_refuses_to_change_what_is_issued(administrator: User, account: Account, statement: str) -> None:
    a_call(account, "1", october(2))
    book(account, EntryKind.PAYMENT, "1", october(3))
    invoice = issued(administrator, account)
    before = Invoice.objects.filter(pk=invoice.pk).values().get()
    if "DELETE FROM invoices_invoiceline" in statement:
        statement = "DELETE FROM invoices_invoiceline"
    with pytest.raises((IntegrityError, InternalError, DatabaseError), match=r"stay|nothing more"):
        sql(statement)
    assert Invoice.objects.filter(pk=invoice.pk).values().get() == before
    assert InvoicedEntry.objects.get().released is False


def test_an_issued_invoice_is_not_deleted_nor_born(administrator: User, account: Account) -> None:
    a_call(account, "1", october(2))
    invoice = issued(administrator, account)
    with pytest.raises(DatabaseError), transaction.atomic():
        invoice.delete()
    with pytest.raises(DatabaseError, match="begins as a draft"):
        invoice.pk, invoice.number = None, "INV-2026-00002"
        with transaction.atomic():
            invoice.save(force_insert=True)


def test_statement_and_invoice_agree_to_the_last_digit(administrator: User, account: Account) -> None:
    book(account, EntryKind.PAYMENT, "50", october(1))
    for number in range(30):
        a_call(account, f"0.{number:02d}7301", october(2 + number % 20), number=f"4420794600{number % 5:02d}")
    book(account, EntryKind.RENTAL, "-4.99", october(25), "rental:1:sold:1:monthly:20261001", note="Rental")
    book(account, EntryKind.ADJUSTMENT, "1.333333", october(26), note="Goodwill")
    invoice = issued(administrator, account)
    kinds = {kind.label: kind.amount for kind in statement_of(account.balance, Period(*OCTOBER)).sums}
    assert -(kinds["Charge"] + kinds["Rental"] + kinds["Adjustment"]) == invoice.lines_sum
    since = {kind.label: kind.amount for kind in statement_of(account.balance, Period(OCTOBER[0], today())).sums}
    assert -(sum(since.values()) - since["Payment"]) == invoice.gross
