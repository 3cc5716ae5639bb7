"""Lists of invoices, their lines and what they bill."""

from typing import Any

from billing.models import LedgerEntry
from cdr.invoices.models import Invoice, InvoiceLine, InvoiceRun, RunAccount
from core import tables as t


class DayColumn(t.PlainColumn):
    """A business day."""

    def render(self, value: Any) -> Any:
        """Draw as ISO 8601."""
        return f"{value:%Y-%m-%d}"


class InvoiceTable(t.PortalTable):
    """Invoices and credit notes."""

    name = t.LinkColumn("Number", accessor="list_name", order_by=("number", "pk"))
    kind = t.PillColumn()
    state = t.PillColumn()
    client = t.LinkColumn(to="client")
    account = t.LinkColumn(to="account")
    period = t.PlainColumn(order_by=("first_day", "last_day"))
    issued_at = t.WhenColumn("Issued", precision="minutes")
    net = t.MoneyColumn(currency="currency")
    tax = t.MoneyColumn(currency="currency")
    gross = t.MoneyColumn("Total", currency="currency")
    due = t.MoneyColumn("Due at issue", currency="currency")
    due_on = DayColumn("Pay by")

    class Meta(t.PortalTable.Meta):
        model = Invoice
        fields = (
            "name", "kind", "state", "client", "account", "period", "issued_at", "net", "tax", "gross", "due", "due_on",
        )  # fmt: skip
        order_by = ("-created_at",)

    fixed_columns = ("name",)
    default_columns = ("name", "kind", "state", "client", "account", "period", "issued_at", "gross", "due_on")


class InvoiceLineTable(t.PortalTable):
    """The lines of one document."""

    position = t.NumberColumn("Line")
    kind = t.PillColumn()
    description = t.PlainColumn()
    quantity = t.NumberColumn()
    unit = t.PlainColumn()
    amount = t.MoneyColumn(currency="invoice__currency")

    class Meta(t.PortalTable.Meta):
        model = InvoiceLine
        fields = ("position", "kind", "description", "quantity", "unit", "amount")
        order_by = "position"

    fixed_columns = ("description",)


class BilledTable(t.PortalTable):
    """The ledger entries that a document bills."""

    at = t.WhenColumn("Booked")
    kind = t.PillColumn()
    note = t.PlainColumn()
    amount = t.MoneyColumn(currency="balance__currency")

    class Meta(t.PortalTable.Meta):
        model = LedgerEntry
        fields = ("at", "kind", "note", "amount")

    fixed_columns = ("at",)


class RunTable(t.PortalTable):
    """Runs, newest first."""

    period = t.LinkColumn(order_by=("first_day", "last_day"))
    state = t.PillColumn()
    state_since = t.WhenColumn("Since", relative=True)
    send = t.PillColumn("E-mail", words=(("Sent", "green"), ("Not sent", "secondary")))
    created_at = t.WhenColumn("Previewed")
    created_by = t.PlainColumn("By")

    class Meta(t.PortalTable.Meta):
        model = InvoiceRun
        fields = ("period", "state", "state_since", "send", "created_at", "created_by")
        order_by = ("-created_at",)

    fixed_columns = ("period",)


class RunAccountTable(t.PortalTable):
    """The accounts of one run."""

    client = t.LinkColumn(accessor="account__client", to="account__client")
    account = t.LinkColumn(to="account")
    outcome = t.PillColumn()
    invoice = t.LinkColumn(to="invoice")
    entries = t.NumberColumn("Charges")
    net = t.MoneyColumn(currency="currency")
    tax = t.MoneyColumn(currency="currency")
    gross = t.MoneyColumn("Total", currency="currency")
    message = t.PlainColumn("Remark")

    class Meta(t.PortalTable.Meta):
        model = RunAccount
        fields = ("client", "account", "outcome", "invoice", "entries", "net", "tax", "gross", "message")
        order_by = ("client", "account")

    fixed_columns = ("client", "account")
