"""Documents of the ledger on paper: statements and receipts."""

from typing import Any

from django.utils import timezone

from billing.choices import EntryKind
from billing.models import LedgerEntry
from billing.selectors import owner_of
from billing.seller.services import billing_settings
from billing.statements import Line, Statement
from core.business_time import business_zone
from core.pdf import Column, Party, PdfDocument, Row
from core.render import decimals_of, money_text

# The kinds whose notes the product writes itself, and which begin with what they are.
SAID_BY_WORDS = frozenset(
    {EntryKind.CHARGE.label, EntryKind.RENTAL.label, EntryKind.TAX.label, EntryKind.ROUNDING.label}
)


def statement_pdf(statement: Statement) -> bytes:
    """Set a statement: opening balance, lines with running balance, sums by kind, closing balance."""
    currency, zone = statement.balance.currency, business_zone()
    owner = addressee(statement.balance)
    document = PdfDocument(title="Statement of account", sender=sender(), reference=f"{owner.name}, {statement.period}")
    document.opening(
        "For",
        owner,
        [
            ("Period", str(statement.period)),
            ("Days of", zone.key),
            ("Currency", currency),
            ("Made on", f"{timezone.now().astimezone(zone):%Y-%m-%d %H:%M}"),
        ],
    )
    lines = list(statement.lines())
    decimals = decimals_of([statement.opening, *(amount for line in lines for amount in (line.amount, line.balance))])
    rows = [Row(("", "Opening balance", "", money_text(statement.opening, decimals)), strong=True)]
    rows += [
        Row((
            f"{line.at.astimezone(zone):%Y-%m-%d}", words_of(line),
            money_text(line.amount, decimals), money_text(line.balance, decimals),
        ))
        for line in lines
    ]  # fmt: skip
    sums = [
        ("Opening balance", statement.opening),
        *((f"{kind.label} ({kind.count:,})", kind.amount) for kind in statement.sums),
        ("Closing balance", statement.closing),
    ]
    decimals = decimals_of(amount for _, amount in sums)
    document.table(
        [
            Column("Booked"), Column("What", share=1),
            Column(f"Amount, {currency}", right=True), Column(f"Balance, {currency}", right=True),
        ],
        rows,
        [(label, f"{money_text(amount, decimals)} {currency}") for label, amount in sums],
    )  # fmt: skip
    if statement.by_day:
        document.text("Calls are summed up by day; the CSV file has each of them.", muted=True)
    return document.render()


def words_of(line: Line) -> str:
    """Return what a line of a statement is for: its words where they say it, a payment with its receipt."""
    label = f"{line.label} {line.entry.receipt}" if line.entry is not None and line.entry.receipt else line.label
    if not line.words:
        return label
    # "Charge. Call to …" and "Rental. Rental of …" would say it twice.
    return line.words if line.label in SAID_BY_WORDS else f"{label}. {line.words}"


def receipt_pdf(entry: LedgerEntry) -> bytes:
    """Set the receipt of a payment."""
    currency, zone = entry.balance.currency, business_zone()
    document = PdfDocument(title=f"Receipt {entry.receipt}", sender=sender(), reference=entry.receipt)
    document.opening(
        "Received from",
        addressee(entry.balance),
        [("Receipt", entry.receipt), ("Date", f"{entry.at.astimezone(zone):%Y-%m-%d}"), ("Currency", currency)],
    )
    amount = money_text(entry.amount)
    document.table(
        [Column("What", share=1), Column("Amount", right=True)],
        [Row((f"Payment. {entry.note}" if entry.note else "Payment", amount))],
        [("Received", f"{amount} {currency}")],
    )
    return document.render()


def sender() -> Party:
    """Return the seller, as the billing settings have it."""
    seller = billing_settings()
    lines = seller.address.splitlines()
    return Party(seller.name or "Billing", [*lines, *([f"Tax id {seller.tax_id}"] if seller.tax_id else [])])


def addressee(balance: Any) -> Party:
    """Return whose balance it is: a client with its billing name and address, or a carrier."""
    _, owner = owner_of(balance)
    client = getattr(owner, "client", None)
    if client is None:
        return Party(str(owner or f"Balance {balance.pk}"))
    lines = client.billing_address.splitlines()
    tax = [f"Tax id {client.tax_id}"] if client.tax_id else []
    return Party(client.billing_name or client.name, [*lines, *tax, f"Account {owner}"])
