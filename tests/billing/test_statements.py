"""Statements, receipts and refunds: what stands on paper is what the ledger holds, to the last digit."""

import csv
import datetime as dt
import io
import re
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client as Browser
from django.urls import reverse
from pypdf import PdfReader

from accounts.models import Account
from billing import statements
from billing.choices import EntryKind
from billing.models import Balance, LedgerEntry
from billing.posting import CallLeg, Posting, post
from billing.services import open_balance, record_payment, record_refund
from billing.statements import Period, statement_of
from core.choices import Role
from core.models import User
from tests.inventory import a_carrier, a_user, an_account, at_the_same_moment

pytestmark = pytest.mark.django_db
D = dt.date


def booked(balance: Balance, day: dt.date, amount: str, kind: EntryKind = EntryKind.CHARGE, **values: Any) -> None:
    """Book one entry at noon of a day."""
    at = dt.datetime.combine(day, dt.time(12), dt.UTC)
    if kind == EntryKind.CHARGE:
        values["call"] = CallLeg(uuid.uuid4(), at, "account")
    post([Posting(balance.pk, kind, Decimal(amount), uuid.uuid4().hex, at, **values)])


@pytest.fixture
def account() -> Account:
    """An account with entries over three months."""
    account = an_account(a_user(), client="Bloom & Söhne Ltd")
    balance = account.balance
    booked(balance, D(2026, 8, 30), "100", EntryKind.PAYMENT, note="wire 1")
    booked(balance, D(2026, 9, 1), "-0.333333", note="Call to +442079460018, 36 s")
    booked(balance, D(2026, 9, 30), "-0.666667", note="Call to +442079460018, 72 s")
    booked(balance, D(2026, 9, 30), "-5", EntryKind.RENTAL, note="DID +442079460018")
    booked(balance, D(2026, 10, 1), "7", EntryKind.PAYMENT)
    return account


def test_a_statement_opens_and_closes_with_what_stood_then(account: Account) -> None:
    statement = statement_of(account.balance, Period(D(2026, 9, 1), D(2026, 9, 30)))
    assert (statement.opening, statement.closing) == (Decimal(100), Decimal(94))
    assert [(kind.label, kind.count, kind.amount) for kind in statement.sums] == [
        ("Charge", 2, Decimal(-1)), ("Rental", 1, Decimal(-5)),
    ]  # fmt: skip
    lines = list(statement.lines())
    assert [line.balance for line in lines] == [Decimal("99.666667"), Decimal(99), Decimal(94)]
    assert [line.balance for line in lines] == [line.entry.balance_after for line in lines if line.entry]


@pytest.mark.parametrize(("zone", "closing"), [("UTC", "90"), ("Asia/Tokyo", "100"), ("America/New_York", "90")])
def test_days_are_those_of_business(settings: Any, zone: str, closing: str) -> None:
    """An entry of 23:00 UTC on the last of the month is next month's in Tokyo."""
    settings.BUSINESS_TIME_ZONE = zone
    balance = open_balance(currency="USD")
    booked(balance, D(2026, 9, 15), "100", EntryKind.PAYMENT)
    post([Posting(balance.pk, EntryKind.CHARGE, Decimal(-10), "late", dt.datetime(2026, 9, 30, 23, tzinfo=dt.UTC))])
    september = statement_of(balance, Period(D(2026, 9, 1), D(2026, 9, 30)))
    october = statement_of(balance, Period(D(2026, 10, 1), D(2026, 10, 31)))
    assert (september.closing, october.opening, october.closing) == (Decimal(closing), Decimal(closing), Decimal(90))


def test_many_calls_are_summed_up_by_day_and_the_sums_stay(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "MOST_CALLS", 1)
    booked(account.balance, D(2026, 10, 2), "-1")
    booked(account.balance, D(2026, 10, 2), "-2")
    statement = statement_of(account.balance, Period(D(2026, 8, 1), D(2026, 12, 31)))
    lines = list(statement.lines())
    assert [(line.words, line.amount) for line in lines if line.entry is None] == [
        ("1 call", Decimal("-0.333333")), ("1 call", Decimal("-0.666667")), ("2 calls", Decimal(-3)),
    ]  # fmt: skip
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert lines[-1].balance == statement.closing == Balance.objects.get(pk=account.balance_id).amount


def test_an_empty_period_and_an_empty_balance_say_so(operator_page: Browser, account: Account) -> None:
    page = reverse("accounts:account_statement", args=[account.pk])
    shown = operator_page.get(page, {"since": "2027-01-01", "until": "2027-01-31"}).content.decode()
    assert "Nothing moved this balance" in shown
    assert shown.count("101.00") == 2


def test_the_page_shows_the_period_asked_for(support_page: Browser, account: Account) -> None:
    page = reverse("accounts:account_statement", args=[account.pk])
    shown = support_page.get(page, {"since": "2026-09-01", "until": "2026-09-30"}).content.decode()
    for words in ("Opening balance", "100.00", "99.666667", "94.000000", "Amount, USD", "Call to +442079460018, 36 s"):
        assert words in shown, words
    assert support_page.get(page).status_code == 200


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        ("2026-09-30", "2026-09-01", "ends before it begins"),
        ("soon", "2026-09-01", "valid date"),
        ("2026-09-01", "", "required"),
        ("0001-01-01", "9999-12-31", "year from 1970"),
    ],
)
def test_a_period_that_is_none_is_said_beside_the_field(
    operator_page: Browser, account: Account, since: str, until: str, words: str
) -> None:
    asked = {"since": since, "until": until}
    shown = operator_page.get(reverse("accounts:account_statement", args=[account.pk]), asked)
    assert shown.status_code == 200
    assert words in shown.content.decode()
    assert f'value="{since}"' in shown.content.decode()
    for kind in ("pdf", "csv"):
        refused = operator_page.get(reverse(f"billing:balance_statement_{kind}", args=[account.balance_id]), asked)
        assert refused.status_code == 400
        assert words in refused.content.decode()


def test_the_csv_has_every_entry_between_the_two_balances(operator_page: Browser, account: Account) -> None:
    LedgerEntry.objects.filter(note="wire 1").update(note='=HYPERLINK("http://evil")')
    address = reverse("billing:balance_statement_csv", args=[account.balance_id])
    answer: Any = operator_page.get(address, {"since": "2026-08-01", "until": "2026-09-30"})
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [row["Kind"] for row in rows] == [
        "Opening balance", "Payment", "Charge", "Charge", "Rental", "Closing balance"
    ]  # fmt: skip
    opening, *entries, closing = rows
    assert Decimal(opening["Balance"]) + sum(Decimal(row["Amount"]) for row in entries) == Decimal(closing["Balance"])
    assert entries[0]["Note"].startswith("'=")
    assert entries[1]["Call"] and entries[1]["Leg"] == "account"


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_the_pdf_says_what_the_page_says(operator_page: Browser, account: Account) -> None:
    address = reverse("billing:balance_statement_pdf", args=[account.balance_id])
    answer = operator_page.get(address, {"since": "2026-09-01", "until": "2026-09-30"})
    assert answer["Content-Type"] == "application/pdf"
    text = text_of(answer.content)
    for words in ("Statement of account", "Bloom & Söhne Ltd", "2026-09-01 to 2026-09-30", "99.666667", "94.00 USD"):
        assert words in text, words
    assert "Amount, USD" in text and "94.000000" in text
    assert "Call to +442079460018, 36 s" in text and "Charge. Call" not in text


def test_payments_have_receipts_without_gaps(operator_page: Browser) -> None:
    actor, balance = a_user(), a_carrier(a_user(), "Näkymä Oy").balance
    first = record_payment(actor=actor, balance=balance, amount=Decimal("12.5"), idempotency_key="a", note="wire 9")
    with pytest.raises(ValidationError):
        record_payment(actor=actor, balance=balance, amount=Decimal("1e12"), idempotency_key="b")
    again = record_payment(actor=actor, balance=balance, amount=Decimal("12.5"), idempotency_key="a", note="wire 9")
    second = record_payment(actor=actor, balance=balance, amount=Decimal(1), idempotency_key="c")
    assert (again.receipt_number, second.receipt_number) == (first.receipt_number, (first.receipt_number or 0) + 1)
    shown = operator_page.get(first.get_absolute_url()).content.decode()
    assert first.receipt in shown and "Näkymä Oy" in shown
    text = text_of(operator_page.get(reverse("billing:ledgerentry_receipt", args=[first.pk])).content)
    for words in (f"Receipt {first.receipt}", "Näkymä Oy", "12.50 USD", "wire 9"):
        assert words in text, words


@pytest.mark.django_db(transaction=True)
def test_payments_at_the_same_moment_have_numbers_of_their_own() -> None:
    actor, balances = a_user(), [open_balance(currency="USD") for _ in range(6)]

    def pay(balance: Balance) -> LedgerEntry:
        return record_payment(actor=actor, balance=balance, amount=Decimal(1), idempotency_key=str(balance.pk))

    entries = at_the_same_moment(*(lambda balance=balance: pay(balance) for balance in balances))
    assert sorted(entry.receipt_number for entry in entries) == list(range(1, 7))


def test_a_refund_gives_back_a_payment_and_never_more(administrator: User) -> None:
    balance = open_balance(currency="USD")
    payment = record_payment(actor=administrator, balance=balance, amount=Decimal(10), idempotency_key="p")
    values: dict[str, Any] = {"actor": administrator, "payment": payment, "note": "paid twice"}
    refund = record_refund(**values, amount=Decimal(6), idempotency_key="r")
    assert (refund.amount, refund.refund_of_id, refund.balance_after) == (Decimal(-6), payment.pk, Decimal(4))
    assert record_refund(**values, amount=Decimal(6), idempotency_key="r").pk == refund.pk
    with pytest.raises(ValidationError, match=r"4\.00 is left"):
        record_refund(**values, amount=Decimal("4.000001"), idempotency_key="s")
    for amount, note in (("0", "x"), ("-1", "x"), ("1", " ")):
        with pytest.raises(ValidationError):
            record_refund(**values | {"note": note}, amount=Decimal(amount), idempotency_key="t")
    with pytest.raises(ValidationError, match="Only a payment"):
        record_refund(**values | {"payment": refund}, amount=Decimal(1), idempotency_key="u")
    with pytest.raises(PermissionDenied):
        record_refund(**values | {"actor": a_user(Role.OPERATOR)}, amount=Decimal(1), idempotency_key="v")


@pytest.mark.django_db(transaction=True)
def test_refunds_at_the_same_moment_give_back_no_more_than_was_paid() -> None:
    admin, balance = a_user(Role.ADMINISTRATOR), open_balance(currency="USD")
    payment = record_payment(actor=admin, balance=balance, amount=Decimal(10), idempotency_key="p")

    def refund(key: str) -> LedgerEntry:
        return record_refund(actor=admin, payment=payment, amount=Decimal(4), idempotency_key=key, note="twice")

    results = at_the_same_moment(*(lambda key=str(number): refund(key) for number in range(5)))
    assert sum(isinstance(result, LedgerEntry) for result in results) == 2
    assert Balance.objects.get(pk=balance.pk).amount == Decimal(2)


def test_an_administrator_refunds_on_the_payments_page(admin_page: Browser, operator_page: Browser) -> None:
    account = an_account(a_user())
    payment = record_payment(actor=a_user(), balance=account.balance, amount=Decimal(10), idempotency_key="p")
    address = reverse("billing:ledgerentry_refund", args=[payment.pk])
    assert operator_page.get(address).status_code == 403
    assert "Refund" not in operator_page.get(payment.get_absolute_url()).content.decode().partition("<main")[0]
    form = admin_page.get(address).content.decode()
    form_id = re.search(r'name="form_id" value="([^"]+)"', form)
    assert form_id and 'value="10"' in form
    values = {"form_id": form_id[1], "note": "paid twice"}
    refused = admin_page.post(address, values | {"amount": "11"})
    assert refused.status_code == 422
    assert "is left to refund" in refused.content.decode() and 'value="11"' in refused.content.decode()
    assert admin_page.post(address, values | {"amount": "3.5"}).status_code == 302
    shown = admin_page.get(payment.get_absolute_url()).content.decode()
    assert "paid twice" in shown and "6.50" in shown
    charge = LedgerEntry.objects.get(kind="refund")
    assert admin_page.get(reverse("billing:ledgerentry_receipt", args=[charge.pk])).status_code == 404


def test_the_entry_of_a_call_leads_to_its_cdr(operator_page: Browser, account: Account) -> None:
    entry = account.balance.entries.filter(attempt_id__isnull=False).first()
    assert entry is not None
    shown = operator_page.get(entry.get_absolute_url()).content.decode()
    assert reverse("cdr:cdr_detail", args=[entry.attempt_id]) in shown
