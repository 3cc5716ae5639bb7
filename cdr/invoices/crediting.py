"""Credit notes: the only way to correct an issued invoice.

A credit note mirrors lines, wholly or in part, at the invoice's own tax. What it does to the charges is chosen: the
amount goes back to the balance, or, of a whole invoice, its charges are billed again by the next one, with the right
address or tax. Money that leaves the house is a refund, which the ledger knows and no invoice.
"""

from collections.abc import Mapping
from decimal import Decimal

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Sum

from billing.choices import EntryKind
from billing.posting import Posting, lock_balances, post
from billing.seller.services import billing_settings
from cdr.invoices.choices import CreditEffect, InvoiceKind, InvoiceState
from cdr.invoices.issuing import lock_documents, set_sums, tax_postings, tell
from cdr.invoices.models import Invoice, InvoicedEntry, InvoiceLine
from cdr.invoices.numbers import take_number
from cdr.invoices.sums import Sums, sums_of
from core.fields import ZERO
from core.models import User

# What a credit note takes over from its invoice.
SAME = (
    "account", "client", "first_day", "last_day", "starts_at", "ends_at", "time_zone", "currency", "tax_name",
    "tax_rate", "tax_included", "seller_name", "seller_address", "seller_tax_id", "seller_footer", "client_name",
    "client_address", "client_tax_id", "account_name", "tax_note",
)  # fmt: skip


def credit_invoice(
    *,
    actor: User,
    invoice: Invoice,
    reason: str,
    effect: CreditEffect,
    amounts: Mapping[int, Decimal] | None = None,
    notes_seen: int | None = None,
) -> Invoice:
    """Issue a credit note of an invoice and return it; ``amounts`` by line, without them all that is not credited yet.

    Raise PermissionDenied for anybody but an administrator, ValidationError for what is no issued invoice, for more
    than a line has left, for charges that are to be billed again in part, or where the invoice has more credit notes
    than ``notes_seen``: a form that is sent twice gives nothing back twice.
    """
    if not actor.is_administrator:
        raise PermissionDenied("Only an administrator credits an invoice.")
    if not reason.strip():
        raise ValidationError({"reason": "Say why it is credited."})
    with transaction.atomic():
        balance_id = invoice.account.balance_id
        lock_documents(balance_id)
        invoice = Invoice.objects.select_for_update(of=("self",)).select_related("account", "client").get(pk=invoice.pk)
        if invoice.kind != InvoiceKind.INVOICE or invoice.state != InvoiceState.ISSUED:
            raise ValidationError(f"{invoice} is no issued invoice that could be credited.")
        if notes_seen is not None and invoice.credit_notes.count() != notes_seen:
            newest = invoice.credit_notes.latest("pk")
            raise ValidationError(
                f"{newest.title} was issued since this form was opened. Open it anew if more is to be credited."
            )
        left = left_to_credit(invoice)
        chosen = left if amounts is None else checked(amounts, left)
        if effect == CreditEffect.BILL_AGAIN and (amounts is not None or invoice.credit_notes.exists()):
            raise ValidationError({"effect": "Only an invoice that is credited as a whole can be billed again."})
        note = new_note(invoice, actor, reason, effect, chosen, whole=chosen == left)
        lines = InvoiceLine.objects.bulk_create(lines_of(note, invoice, chosen))
        if effect == CreditEffect.BILL_AGAIN:
            # May be a hundred thousand, so before the balance and the series are locked.
            InvoicedEntry.objects.filter(line__invoice=invoice, released=False).update(released=True)
        issue_note(note, lines, balance_id, actor)
        if chosen == left:
            Invoice.objects.filter(pk=invoice.pk).update(state=InvoiceState.CREDITED)
        tell(note, "credit_note_issued", f"{note.title} of {invoice.number} issued to {note.client_name} ({reason})")
        return note


def left_to_credit(invoice: Invoice) -> dict[int, Decimal]:
    """Return by line what no credit note has credited yet."""
    lines = InvoiceLine.objects.filter(invoice=invoice).annotate(credited=Sum("credits__amount"))
    left = {line.pk: line.amount + (line.credited or ZERO) for line in lines}
    return {pk: amount for pk, amount in left.items() if amount}


def checked(amounts: Mapping[int, Decimal], left: Mapping[int, Decimal]) -> dict[int, Decimal]:
    """Return the amounts to credit. Raise ValidationError beside the line that has less left, or for no amount."""
    errors = {}
    for pk, amount in amounts.items():
        most = left.get(pk, ZERO)
        if not amount.is_finite() or amount * most <= 0 or abs(amount) > abs(most):
            errors[f"line_{pk}"] = f"Of this line {most.normalize():f} can be credited."
    if errors:
        raise ValidationError(errors)
    if not amounts:
        raise ValidationError("Choose what is credited.")
    return dict(amounts)


def new_note(
    invoice: Invoice, actor: User, reason: str, effect: CreditEffect, chosen: Mapping[int, Decimal], *, whole: bool
) -> Invoice:
    """Save the draft of a credit note with its sums."""
    note = Invoice(
        kind=InvoiceKind.CREDIT_NOTE, corrects=invoice, effect=effect, note=reason.strip()[:200], created_by=actor,
        **{name: getattr(invoice, name) for name in SAME},
    )  # fmt: skip
    set_sums(note, note_sums(invoice, sum(chosen.values(), ZERO), whole=whole))
    note.save()
    return note


def note_sums(invoice: Invoice, credited: Decimal, *, whole: bool) -> Sums:
    """Return a credit note's sums. The one that credits the last of an invoice takes what its others left of them.

    So an invoice and its credit notes cancel out to the cent, however the parts were rounded.
    """
    before = invoice.credit_notes.aggregate(
        lines=Sum("lines_sum"), rounding=Sum("rounding"), net=Sum("net"), tax=Sum("tax"), gross=Sum("gross")
    )
    rest = Sums(
        lines=-invoice.lines_sum - (before["lines"] or ZERO),
        rounding=-invoice.rounding - (before["rounding"] or ZERO),
        net=-invoice.net - (before["net"] or ZERO),
        tax=-invoice.tax - (before["tax"] or ZERO),
        gross=-invoice.gross - (before["gross"] or ZERO),
    )
    if whole:
        return rest
    part = sums_of(-credited, invoice.currency, invoice.tax_rate, tax_included=invoice.tax_included)
    if part.gross * rest.gross < 0:
        raise ValidationError("This would ask for more instead of giving back: credit other lines with it.")
    if abs(part.gross) > abs(rest.gross) or abs(part.tax) > abs(rest.tax):
        # Parts that were each rounded up have come to the whole already.
        net, tax = _nearer_zero(part.net, rest.net), _nearer_zero(part.tax, rest.tax)
        paid = net + tax if invoice.tax_included else net
        part = Sums(part.lines, paid - part.lines, net, tax, net + tax)
    return part


def _nearer_zero(one: Decimal, other: Decimal) -> Decimal:
    return one if abs(one) < abs(other) else other


def lines_of(note: Invoice, invoice: Invoice, chosen: Mapping[int, Decimal]) -> list[InvoiceLine]:
    """Return a credit note's lines, below zero; a line that is credited in part has no quantity."""
    mirrored = [line for line in invoice.lines.all() if line.pk in chosen]
    return [
        InvoiceLine(
            invoice=note, position=place, kind=line.kind, description=line.description, amount=-chosen[line.pk],
            quantity=line.quantity if chosen[line.pk] == line.amount else None,
            unit=line.unit if chosen[line.pk] == line.amount else "", late=line.late, corrects=line,
        )
        for place, line in enumerate(mirrored, 1)
    ]  # fmt: skip


def issue_note(note: Invoice, lines: list[InvoiceLine], balance_id: int, actor: User) -> None:
    """Number a credit note, give back what it gives back, and make it an issued one."""
    lock_balances([balance_id])
    note.number, note.issued_at = take_number(billing_settings().credit_note_prefix)
    note.issued_by, note.state = actor, InvoiceState.ISSUED
    back = [] if note.effect == CreditEffect.BILL_AGAIN else lines
    words = f"{note.number} of {note.corrects}: {note.note}"[:200]
    given = [
        Posting(
            balance_id, EntryKind.ADJUSTMENT, -line.amount, f"invoice:{note.pk}:line:{line.position}",
            note=words, actor=actor,
        )
        for line in back
    ]  # fmt: skip
    posted = post([*given, *tax_postings(note, balance_id, actor)])
    # Given back by this document, so that no invoice gives it back again.
    InvoicedEntry.objects.bulk_create(
        InvoicedEntry(entry=entry, line=line) for entry, line in zip(posted, back, strict=False)
    )
    note.save()
