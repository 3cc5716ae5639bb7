"""Numbers without gaps and without repeats: under parallel issuing, after a rollback, over a year's end."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from pytest_django import Settings

from accounts.models import Account
from cdr.invoices import numbers
from cdr.invoices.issuing import draft_invoice, issue_invoice
from cdr.invoices.models import Invoice, InvoicedEntry, NumberSeries
from cdr.invoices.numbers import take_number
from core.models import User
from tests.inventory import at_the_same_moment
from tests.invoices.books import OCTOBER, a_call, a_customer, a_seller, an_administrator, balance_of, october


def a_draft(actor: User, account: Account) -> Invoice:
    a_call(account, "1", october(2))
    return draft_invoice(actor=actor, account=account, first_day=OCTOBER[0], last_day=OCTOBER[1])


@pytest.mark.django_db(transaction=True)
def test_parallel_issuing_gives_each_invoice_one_number_and_leaves_no_gap() -> None:
    actor = an_administrator()
    a_seller(actor)
    accounts = [a_customer(actor, f"Client {number}") for number in range(8)]
    drafts = [a_draft(actor, account) for account in accounts]

    def issue(draft: Invoice, fail: bool) -> Invoice:
        with transaction.atomic():
            invoice = issue_invoice(actor=actor, invoice=draft)
            if fail:
                raise ZeroDivisionError
        return invoice

    # Every third worker dies after it has taken its number; two press the same button for each invoice.
    tasks = [lambda d=draft, f=place % 3 == 0: issue(d, f) for place, draft in enumerate(drafts)]
    twice = [lambda d=draft: issue(d, False) for draft in drafts[1::3]]
    results = at_the_same_moment(*tasks, *twice)
    issued = list(Invoice.objects.filter(state="issued").order_by("number"))
    assert [invoice.number for invoice in issued] == [f"INV-2026-{n:05d}" for n in range(1, len(issued) + 1)]
    assert len(issued) == 5 and NumberSeries.objects.get().last == 5
    assert sum(isinstance(result, ZeroDivisionError) for result in results) == 3
    assert sum(isinstance(result, ValidationError) for result in results) == len(twice)
    dates = [invoice.issued_at for invoice in issued]
    assert dates == sorted(dates)  # type: ignore[type-var]
    assert InvoicedEntry.objects.count() == 5
    again = [issue_invoice(actor=actor, invoice=draft).number for draft in drafts[::3]]
    assert again == ["INV-2026-00006", "INV-2026-00007", "INV-2026-00008"]
    for account in accounts:
        assert str(balance_of(account)) == "-1.200000"


@pytest.mark.django_db(transaction=True)
def test_a_charge_that_is_booked_meanwhile_is_on_this_invoice_or_the_next_never_on_both_or_none() -> None:
    actor = an_administrator()
    a_seller(actor)
    account = a_customer(actor)
    draft = a_draft(actor, account)
    results = at_the_same_moment(
        lambda: issue_invoice(actor=actor, invoice=draft),
        *[lambda: a_call(account, "0.5", october(3)) for _ in range(6)],
    )
    billed = InvoicedEntry.objects.count()
    entries = account.balance.entries.filter(kind="charge").count()
    assert entries == 7
    if isinstance(results[0], Invoice):
        assert billed == 1 and results[0].lines_sum == 1
    else:
        assert isinstance(results[0], ValidationError) and billed == 0
    unbilled = account.balance.entries.filter(kind="charge", billed=None).count()
    assert billed + unbilled == 7


@pytest.mark.django_db
def test_each_year_begins_anew_by_the_business_time_zone(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.BUSINESS_TIME_ZONE = "Europe/Riga"

    def at(moment: dt.datetime) -> str:
        monkeypatch.setattr(numbers.timezone, "now", lambda: moment)
        return take_number("INV-{year}-")[0]

    midnight = dt.datetime(2026, 12, 31, 22, tzinfo=dt.UTC)
    assert at(midnight - dt.timedelta(seconds=1)) == "INV-2026-00001"
    assert at(midnight) == "INV-2027-00001"
    assert at(midnight + dt.timedelta(days=1)) == "INV-2027-00002"


@pytest.mark.django_db
def test_a_clock_that_steps_back_dates_no_invoice_before_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    noon = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
    monkeypatch.setattr(numbers.timezone, "now", lambda: noon)
    assert take_number("A-") == ("A-00001", noon)
    monkeypatch.setattr(numbers.timezone, "now", lambda: noon - dt.timedelta(hours=1))
    assert take_number("A-") == ("A-00002", noon)
    assert take_number("B-")[0] == "B-00001"


@pytest.mark.django_db
def test_a_number_that_was_rolled_back_is_given_again() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        assert take_number("X-")[0] == "X-00001"
        raise ZeroDivisionError
    assert take_number("X-")[0] == "X-00001"


@pytest.mark.django_db
def test_no_two_series_can_print_the_same_number(administrator: User) -> None:
    """Whoever writes to the database: "A1" and 00001 would read like "A" and 100001."""
    take_number("A")
    NumberSeries.objects.update(last=1_000_000)
    assert take_number("A")[0] == "A1000001"
    with pytest.raises(IntegrityError, match="number_series_ends_in_no_digit"), transaction.atomic():
        take_number("A1")
    with pytest.raises(IntegrityError, match="number_series_ends_in_no_digit"), transaction.atomic():
        take_number("A-{year}")
    assert take_number("A1-")[0] == "A1-00001"
    assert take_number("")[0] == "00001"
    with pytest.raises(ValidationError, match="numbered apart"):
        a_seller(administrator, invoice_prefix="CN-2027-")
    with pytest.raises(ValidationError, match="End it with a letter"):
        a_seller(administrator, invoice_prefix="A1")
    a_seller(administrator, invoice_prefix="CN-2027/")
