"""check_ledger proves invoices too: what they say, what they bill, what they took, and that no number is missing."""

import pgtrigger
import pytest
from django.db.models import F

from accounts.models import Account
from billing.ledger import check_ledger
from billing.models import LedgerEntry
from cdr.invoices.choices import CreditEffect
from cdr.invoices.crediting import credit_invoice
from cdr.invoices.issuing import draft_invoice, issue_invoice
from cdr.invoices.models import Invoice, InvoicedEntry, InvoiceLine, NumberSeries
from core.models import User
from tests.invoices.books import OCTOBER, a_call, a_customer, a_seller, october

pytestmark = pytest.mark.django_db


@pytest.fixture
def invoice(administrator: User) -> Invoice:
    a_seller(administrator)
    account: Account = a_customer(administrator)
    a_call(account, "1.234567", october(2))
    a_call(account, "1", october(3), number="37167220100")
    draft = draft_invoice(actor=administrator, account=account, first_day=OCTOBER[0], last_day=OCTOBER[1])
    return issue_invoice(actor=administrator, invoice=draft)


def differences() -> list[str]:
    return [str(difference) for difference in check_ledger()]


@pytest.mark.parametrize("effect", list(CreditEffect))
def test_what_was_issued_and_credited_adds_up(administrator: User, invoice: Invoice, effect: CreditEffect) -> None:
    assert differences() == []
    if effect == CreditEffect.GIVE_BACK:
        line = invoice.lines.first()
        assert line is not None
        credit_invoice(
            actor=administrator, invoice=invoice, reason="x", effect=effect, amounts={line.pk: line.amount / 2}
        )
        assert differences() == []
    credit_invoice(actor=administrator, invoice=invoice, reason="x", effect=effect)
    assert differences() == []


def test_a_changed_line_is_named(invoice: Invoice) -> None:
    with pgtrigger.ignore("invoices.InvoiceLine:invoice_line_stays"):
        InvoiceLine.objects.filter(invoice=invoice, position=1).update(amount=F("amount") + 1)
    assert differences() == ["INV-2026-00001: it says 2.234567, its lines sum to 3.234567"]


def test_a_lost_entry_is_named(invoice: Invoice) -> None:
    with pgtrigger.ignore("invoices.InvoicedEntry:invoiced_entry_stays"):
        InvoicedEntry.objects.filter(line__position=1).delete()
    (words,) = differences()
    assert words == "INV-2026-00001: its lines bill 2.234567, their ledger entries are 1.234567"


def test_a_lost_tax_and_a_gap_are_named(invoice: Invoice) -> None:
    LedgerEntry.objects.filter(kind="tax").update(idempotency_key="lost")
    NumberSeries.objects.update(last=2)
    assert differences() == [
        "INV-2026-00001: its tax and rounding are 0.445433, the ledger has -0.004567",
        "Numbers “INV-2026-…”: 1 documents, the last has 1, and 2 numbers were given",
    ]
