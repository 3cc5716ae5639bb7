"""Draft invoices and issue them: what was looked at is what is issued, or nothing is.

An account of a hundred thousand calls takes seconds to issue, and paid calls need its balance meanwhile. So its entries
are bound to the invoice before the balance is locked: those up to the newest that was booked. Documents of one account
are written one at a time, by a lock of their own, so that nobody else binds or releases entries in between. Under the
balance's lock nothing is left but to see that no charge of the period was booked since, to post the tax, and to take
the number.
"""

import datetime as dt

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Account
from billing.choices import EntryKind
from billing.currencies import amount_text
from billing.posting import Posting, lock_balances, post
from billing.seller.models import BillingSettings, percent_text
from billing.seller.services import billing_settings
from cdr.invoices.billables import (
    Group,
    LastEntry,
    booked_since,
    groups_of,
    last_entry,
    lines_sum,
    link_entries,
    unbilled_sum,
)  # fmt: skip
from cdr.invoices.choices import InvoiceState
from cdr.invoices.models import Invoice, InvoiceLine
from cdr.invoices.numbers import take_number
from cdr.invoices.sums import Sums, sums_of
from core.business_time import day_bounds, day_of
from core.fields import ZERO
from core.models import User
from systemlog.choices import Category, Severity
from systemlog.entries import ref, write_entries
from systemlog.models import LogEntry

CHANGED = "The charges have changed since this was drafted: refresh it and look again."
DOCUMENTS = 0x696E766F  # 'invo' in ASCII; any number that no other pair of advisory locks of this database begins with


def draft_invoice(*, actor: User | None, account: Account, first_day: dt.date, last_day: dt.date) -> Invoice:
    """Draft the invoice of an account for business days, both included; nothing is billed by a draft.

    Raise ValidationError for days that are no period, for one that is drafted already, or where nothing is to bill.
    """
    with transaction.atomic():
        invoice = new_draft(account, first_day, last_day, actor)
        if Invoice.objects.filter(account=account, first_day=first_day, last_day=last_day, state="draft").exists():
            raise ValidationError("There is a draft for this account and period already.")
        groups = groups_of(invoice, billing_settings().line_detail, last_entry(account.balance_id))
        if not groups:
            raise nothing_to_bill(last_day)
        invoice.save()
        fill(invoice, groups)
        return invoice


def nothing_to_bill(last_day: dt.date) -> ValidationError:
    """Return why there is no invoice."""
    return ValidationError(f"There is nothing to bill: no charges up to {last_day:%-d %b %Y} wait for an invoice.")


def new_draft(account: Account, first_day: dt.date, last_day: dt.date, actor: User | None) -> Invoice:
    """Return a draft, not saved, with seller and client as they are now."""
    if first_day > last_day:
        raise ValidationError({"last_day": "The period ends before it begins."})
    invoice = Invoice(
        account=account,
        client=account.client,
        first_day=first_day,
        last_day=last_day,
        starts_at=day_bounds(first_day)[0],
        ends_at=day_bounds(last_day)[1],
        time_zone=settings.BUSINESS_TIME_ZONE,
        currency=account.balance.currency,
        created_by=actor,
    )
    name_parties(invoice, billing_settings())
    return invoice


def name_parties(invoice: Invoice, seller: BillingSettings) -> None:
    """Write seller, client and tax into a draft, as they are now."""
    client = invoice.client
    invoice.seller_name, invoice.seller_address = seller.name, seller.address
    invoice.seller_tax_id, invoice.seller_footer = seller.tax_id, seller.footer
    invoice.payment_terms, invoice.tax_name = seller.payment_terms, seller.tax_name
    invoice.client_name = client.billing_name or client.name
    invoice.client_address, invoice.client_tax_id = client.billing_address, client.tax_id
    invoice.account_name, invoice.tax_note = invoice.account.name, client.tax_note
    invoice.tax_rate = seller.tax_rate if client.tax_rate is None else client.tax_rate
    invoice.tax_included = client.tax_included


def fill(invoice: Invoice, groups: list[Group]) -> list[InvoiceLine]:
    """Write a draft's lines and sums anew, and return the lines."""
    invoice.lines.all().delete()
    lines = InvoiceLine.objects.bulk_create(group.line(invoice, place) for place, group in enumerate(groups, 1))
    set_sums(
        invoice,
        sums_of(lines_sum(groups), invoice.currency, invoice.tax_rate, tax_included=invoice.tax_included),
    )
    invoice.save()
    return lines


def set_sums(invoice: Invoice, sums: Sums) -> None:
    """Write sums into a draft."""
    invoice.lines_sum, invoice.rounding = sums.lines, sums.rounding
    invoice.net, invoice.tax, invoice.gross = sums.net, sums.tax, sums.gross


def refresh_draft(*, invoice: Invoice) -> Invoice:
    """Bring a draft up to date: charges booked since, the seller's and the client's details."""
    with transaction.atomic():
        invoice = locked_draft(invoice)
        name_parties(invoice, billing_settings())
        fill(invoice, groups_of(invoice, billing_settings().line_detail, last_entry(invoice.account.balance_id)))
        return invoice


def discard_draft(*, invoice: Invoice) -> None:
    """Delete a draft. Raise ValidationError for what is issued: a credit note corrects it."""
    with transaction.atomic():
        locked_draft(invoice).delete()


def lock_documents(balance_id: int) -> None:
    """Wait until nobody else writes documents of a balance's account, and keep others waiting until the commit.

    Before rows of invoices, which come before the balance.
    """
    with connection.cursor() as cursor:
        # Accounts that share a number by the remainder wait for each other needlessly, and are billions apart.
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [DOCUMENTS, balance_id % 2**31])


def locked_draft(invoice: Invoice) -> Invoice:
    """Lock a draft, and all documents of its account."""
    lock_documents(invoice.account.balance_id)
    locked = (
        Invoice.objects.select_for_update(of=("self",))
        .select_related("account__balance", "client")
        .filter(pk=invoice.pk, state=InvoiceState.DRAFT)
        .first()
    )
    if locked is None:
        raise ValidationError(f"{invoice} is no draft any more.")
    return locked


def issue_invoice(*, actor: User | None, invoice: Invoice) -> Invoice:
    """Issue a draft: number it, bill its entries, and post its tax and rounding to the balance.

    Raise ValidationError where the charges, the seller's or the client's details are no longer those of the draft,
    where the period has not ended, or where the seller's name or address is missing.
    """
    with transaction.atomic():
        invoice = locked_draft(invoice)
        seller = billing_settings()
        require(invoice, seller)
        seen, sums = details_of(invoice), invoice.gross
        shown = [(line.kind, line.description, line.quantity, line.amount) for line in invoice.lines.all()]
        name_parties(invoice, seller)
        last = last_entry(invoice.account.balance_id)
        groups = groups_of(invoice, seller.line_detail, last)
        if not groups:
            raise nothing_to_bill(invoice.last_day)
        fresh = [(str(group.kind), group.description, group.quantity, group.amount) for group in groups]
        lines = fill(invoice, groups)
        if fresh != shown or details_of(invoice) != seen or invoice.gross != sums:
            raise ValidationError(CHANGED)
        link_entries(invoice, seller.line_detail, list(zip(groups, lines, strict=True)), last)
        # Now, not at the commit: a foreign key of each entry is looked up.
        connection.check_constraints()
        finish(invoice, last, actor, seller.invoice_prefix, seller.payment_days)
        return invoice


def require(invoice: Invoice, seller: BillingSettings) -> None:
    """Raise ValidationError where an invoice cannot be issued at all."""
    if missing := seller.missing:
        raise ValidationError(f"The billing settings lack the {' and the '.join(missing)} of the seller.")
    if invoice.ends_at > timezone.now():
        first = f"{day_of(invoice.ends_at):%-d %b %Y}"
        raise ValidationError(f"{invoice.period} has not ended yet: it can be issued from {first} on.")


def details_of(invoice: Invoice) -> tuple[object, ...]:
    """Return what an invoice says of seller, client and tax."""
    return (
        invoice.seller_name, invoice.seller_address, invoice.seller_tax_id, invoice.seller_footer, invoice.tax_name,
        invoice.tax_rate, invoice.tax_included, invoice.tax_note, invoice.payment_terms, invoice.client_name,
        invoice.client_address, invoice.client_tax_id, invoice.account_name,
    )  # fmt: skip


def finish(invoice: Invoice, last: LastEntry, actor: User | None, prefix: str, payment_days: int) -> None:
    """Number a draft that bills all up to its last entry, post what it adds to them, and make it an issued one.

    Raise ValidationError where a charge of its period was booked since. The balance and then the series are the last
    locks that are taken: calls wait for the one, other invoices for the other.
    """
    balance_id = invoice.account.balance_id
    unbilled = unbilled_sum(balance_id, last)
    balance = lock_balances([balance_id])[balance_id]
    since, missed = booked_since(invoice, last)
    if missed:
        raise ValidationError(CHANGED)
    invoice.number, invoice.issued_at = take_number(prefix)
    invoice.issued_by, invoice.state = actor, InvoiceState.ISSUED
    posted = post(tax_postings(invoice, balance.id, actor))
    # The balance without what is not billed yet: what the client has paid less what invoices ask for.
    funds = balance.amount + sum((entry.amount for entry in posted), ZERO) - unbilled - since
    invoice.due = min(max(-funds, ZERO), max(invoice.gross, ZERO))
    if invoice.due:
        invoice.due_on = day_of(invoice.issued_at) + dt.timedelta(days=payment_days)
    invoice.save()
    tell(invoice, "invoice_issued", f"{invoice.title} issued to {invoice.client_name}, account {invoice.account_name}")


def tax_postings(invoice: Invoice, balance_id: int, actor: User | None) -> list[Posting]:
    """Return what an invoice takes from the balance beside its lines: together they take its total, to the cent."""
    tax = ZERO if invoice.tax_included else invoice.tax
    tax_words = f"{invoice.tax_name} {percent_text(invoice.tax_rate)} % of {invoice.number}"
    parts = (
        (EntryKind.TAX, tax, "tax", tax_words),
        (EntryKind.ROUNDING, invoice.rounding, "rounding", f"Rounding of {invoice.number}"),
    )
    return [
        Posting(balance_id, kind, -amount, f"invoice:{invoice.pk}:{name}", note=words, actor=actor)
        for kind, amount, name, words in parts
        if amount
    ]


def tell(invoice: Invoice, reason: str, words: str, severity: Severity = Severity.INFO) -> None:
    """Write a line about an invoice to the System Log."""
    write_entries(
        [
            LogEntry(
                at=timezone.now(),
                category=Category.BILLING,
                severity=severity,
                reason=reason,
                message=f"{words}: {amount_text(invoice.gross, invoice.currency)} {invoice.currency}.",
                refs=refs_of(invoice),
            )
        ]
    )


def refs_of(invoice: Invoice) -> list[dict[str, object]]:
    """Return what a log entry about an invoice refers to."""
    return [
        *ref("account", invoice.account_id, invoice.account_name),
        *ref("client", invoice.client_id, invoice.client_name),
    ]
