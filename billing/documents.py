"""Documents of the ledger on paper: statements and receipts."""

from typing import Any

from django.utils import timezone

from billing.models import LedgerEntry
from billing.selectors import owner_of
from billing.seller.services import billing_settings
from billing.statements import Statement
from core.business_time import business_zone
from core.pdf import Column, Party, PdfDocument, Row
from core.render import money_text


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
    rows = [Row(("", "Opening balance", "", money_text(statement.opening)), strong=True)]
    rows += [
        Row((
            f"{line.at.astimezone(zone):%Y-%m-%d}", f"{line.label}. {line.words}" if line.words else line.label,
            money_text(line.amount), money_text(line.balance),
        ))
        for line in statement.lines()
    ]  # fmt: skip
    sums = [(f"{kind.label} ({kind.count:,})", f"{money_text(kind.amount)} {currency}") for kind in statement.sums]
    document.table(
        [Column("Booked"), Column("What", share=1), Column("Amount", right=True), Column("Balance", right=True)],
        rows,
        [
            ("Opening balance", f"{money_text(statement.opening)} {currency}"),
            *sums,
            ("Closing balance", f"{money_text(statement.closing)} {currency}"),
        ],
    )
    if statement.by_day:
        document.text("Calls are summed up by day; the CSV file has each of them.", muted=True)
    return document.render()


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
