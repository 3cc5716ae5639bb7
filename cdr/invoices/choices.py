"""Kinds and states of invoices, their lines and their runs."""

from core.choices import ColouredChoices


class InvoiceKind(ColouredChoices):
    """What a document is; each kind has a number series of its own."""

    INVOICE = "invoice", "blue", "Invoice"
    CREDIT_NOTE = "credit_note", "orange", "Credit note"


class InvoiceState(ColouredChoices):
    """draft → issued → credited (as a whole, by credit notes)."""

    DRAFT = "draft", "secondary", "Draft"
    ISSUED = "issued", "green", "Issued"
    CREDITED = "credited", "orange", "Credited"


class LineKind(ColouredChoices):
    """What a line sums up, in the order of an invoice."""

    CALLS = "calls", "blue", "Calls received"
    RENTAL = "rental", "azure", "Numbers"
    OTHER = "other", "secondary", "Other charges"
    ADJUSTMENT = "adjustment", "purple", "Adjustments"


class CreditEffect(ColouredChoices):
    """What a credit note does to the charges of its invoice."""

    GIVE_BACK = "give_back", "green", "Give the amount back to the balance"
    BILL_AGAIN = "bill_again", "blue", "Bill the charges again, on the next invoice"


class RunState(ColouredChoices):
    """preview → issuing → done."""

    PREVIEW = "preview", "blue", "Preview"
    ISSUING = "issuing", "azure", "Issuing"
    DONE = "done", "green", "Done"


class RunOutcome(ColouredChoices):
    """What a run does with one account."""

    WAITING = "waiting", "secondary", "To issue"
    ISSUED = "issued", "green", "Issued"
    REFUSED = "refused", "red", "Refused"
