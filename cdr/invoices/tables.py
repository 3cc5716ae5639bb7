"""Lists of invoices, their lines and what they bill."""

from decimal import Decimal
from typing import Any

from django.utils.html import format_html
from django_tables2.utils import Accessor

from billing.currencies import amount_text, decimals_of
from billing.models import LedgerEntry
from cdr.invoices.models import Invoice, InvoiceLine, InvoiceRun, RunAccount
from core import tables as t


class DayColumn(t.PlainColumn):
    """A business day."""

    def render(self, value: Any) -> Any:
        """Draw as ISO 8601."""
        return f"{value:%Y-%m-%d}"


class SumColumn(t.MoneyColumn):
    """An amount with its currency's own decimals, more only where the page's amounts in it have more."""

    def render(self, value: Any, record: Any, table: Any, bound_column: Any) -> Any:
        """Draw the amount with its currency beside it."""
        currency = self._currency_of(record)
        text = amount_text(value, currency, self._decimals(table, bound_column)[currency])
        return format_html('<span class="num">{} <span class="unit">{}</span></span>', text, currency)

    def _currency_of(self, record: Any) -> str:
        return str(Accessor(self.currency).resolve(record, quiet=True))

    def _decimals(self, table: Any, bound_column: Any) -> dict[str, int]:
        # A table has columns of its own, so that what is kept here is of this page.
        if self._by_currency is None:
            amounts: dict[str, list[Decimal]] = {}
            for row in table.paginated_rows:
                amount = bound_column.accessor.resolve(row.record, quiet=True)
                amounts.setdefault(self._currency_of(row.record), []).append(amount)
            self._by_currency = {currency: decimals_of(found, currency) for currency, found in amounts.items()}
        return self._by_currency

    _by_currency: dict[str, int] | None = None


class InvoiceTable(t.PortalTable):
    """Invoices and credit notes."""

    name = t.LinkColumn(
        "Number", accessor="list_name", order_by=("number", "pk"), attrs={"td": {"class": "text-nowrap"}}
    )
    kind = t.PillColumn()
    state = t.PillColumn()
    client = t.LinkColumn(to="client")
    account = t.LinkColumn(to="account")
    period = t.PlainColumn(order_by=("first_day", "last_day"))
    issued_at = t.WhenColumn("Issued", precision="minutes")
    net = SumColumn(currency="currency")
    tax = SumColumn(currency="currency")
    gross = SumColumn("Total", currency="currency")
    due = SumColumn("Due at issue", currency="currency")
    due_on = DayColumn("Pay by")

    class Meta(t.PortalTable.Meta):
        model = Invoice
        fields = (
            "name", "kind", "state", "client", "account", "period", "issued_at", "net", "tax", "gross", "due", "due_on",
        )  # fmt: skip

    fixed_columns = ("name",)
    default_columns = ("name", "kind", "state", "client", "account", "period", "issued_at", "gross", "due_on")


class InvoiceLineTable(t.PortalTable):
    """The lines of one document."""

    position = t.NumberColumn("Line")
    kind = t.PillColumn()
    description = t.PlainColumn()
    quantity = t.NumberColumn()
    unit = t.PlainColumn()
    amount = SumColumn(currency="invoice__currency")

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
    amount = SumColumn(currency="balance__currency")

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
    invoice = t.LinkColumn(to="invoice", attrs={"td": {"class": "text-nowrap"}})
    entries = t.NumberColumn("Charges")
    net = SumColumn(currency="currency")
    tax = SumColumn(currency="currency")
    gross = SumColumn("Total", currency="currency")
    message = t.PlainColumn("Remark")

    class Meta(t.PortalTable.Meta):
        model = RunAccount
        fields = ("client", "account", "outcome", "invoice", "entries", "net", "tax", "gross", "message")
        order_by = ("client", "account")

    fixed_columns = ("client", "account")
