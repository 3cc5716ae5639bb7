"""Lists of ledger entries, products, mappings, rate tables and rates."""

from typing import Any

from billing.models import LedgerEntry, Product, ProductMapping, Rate, RateTable
from billing.rate_fields import RATE_FIELDS
from core import render
from core import tables as t
from core.row_actions import ActionsColumn, ActionTable, RowAction

ANY_NUMBER = "any number"


class LedgerTable(t.PortalTable):
    """The statement of one balance."""

    id = t.MonoColumn("Entry", link=True, copy=False)
    at = t.WhenColumn("Time")
    kind = t.PillColumn()
    receipt = t.PlainColumn(accessor="receipt")
    amount = t.MoneyColumn(currency="balance__currency")
    balance_after = t.MoneyColumn("Balance", currency="balance__currency")
    note = t.PlainColumn()
    actor = t.PlainColumn("By")

    class Meta(t.PortalTable.Meta):
        model = LedgerEntry
        fields = ("id", "at", "kind", "amount", "balance_after", "note", "receipt", "actor")

    fixed_columns = ("id", "at", "amount")


class ProductTable(t.PortalTable):
    """All products."""

    name = t.LinkColumn()
    kind = t.PillColumn("Prices calls of")
    description = t.PlainColumn()
    mapping_count = t.NumberColumn("Mappings")
    users = t.NumberColumn("In use by", accessor="user_count")
    builtin = t.PillColumn("Origin", words=(("Built in", "azure"), ("Own", "secondary")))

    class Meta(t.PortalTable.Meta):
        model = Product
        fields = ("name", "kind", "description", "mapping_count", "users", "builtin")
        order_by = "name"

    fixed_columns = ("name",)


class MappingTable(ActionTable):
    """The mappings of one product."""

    prefix = t.PlainColumn(empty_values=(None,))
    rate_table = t.LinkColumn(to="rate_table")
    currency = t.PlainColumn(accessor="rate_table__currency")
    starts_at = t.WhenColumn("In force from", precision="minutes")
    in_force = t.PillColumn("State", words=(("In force", "green"), ("Later or replaced", "secondary")), orderable=False)
    actions = ActionsColumn(
        RowAction("Edit", "billing:productmapping_edit", "pencil", shown=lambda row: not row.product.builtin),
        RowAction("Delete", "billing:productmapping_delete", "trash", True, shown=lambda row: not row.product.builtin),
    )

    class Meta(t.PortalTable.Meta):
        model = ProductMapping
        fields = ("prefix", "rate_table", "currency", "starts_at", "in_force", "actions")
        order_by = ("prefix", "-starts_at")

    def render_prefix(self, value: str) -> Any:
        """Draw the empty prefix in words."""
        return render.mono(value, copy=False) if value else ANY_NUMBER


class RateTableTable(t.PortalTable):
    """All rate tables."""

    name = t.LinkColumn()
    currency = t.PlainColumn()
    description = t.PlainColumn()
    rate_count = t.NumberColumn("Rates")
    mapping_count = t.NumberColumn("Mappings")

    class Meta(t.PortalTable.Meta):
        model = RateTable
        fields = ("name", "currency", "rate_count", "mapping_count", "description")
        order_by = "name"

    fixed_columns = ("name",)


class RateRows(ActionTable):
    """The rates of one table; its columns are those of the file format."""

    code = t.PlainColumn(empty_values=(None,))
    description = t.PlainColumn()
    enabled = t.PillColumn(words=(("Enabled", "green"), ("Blocked", "red")))
    rate_minute = t.MoneyColumn("Rate Minute", currency="table__currency")
    rate_call = t.MoneyColumn("Rate Call", currency="table__currency")
    increment = t.NumberColumn("Increment", unit="s")
    grace = t.NumberColumn("Grace", unit="s")
    minimal_duration = t.NumberColumn("Minimal Duration", unit="s")
    actions = ActionsColumn(
        RowAction("Edit", "billing:rate_edit", "pencil", in_row=True),
        RowAction("Delete", "billing:rate_delete", "trash", danger=True),
    )

    class Meta(t.PortalTable.Meta):
        model = Rate
        row_attrs = {**t.PortalTable.Meta.row_attrs, "id": lambda record: f"rate-{record.pk}"}
        fields = (*RATE_FIELDS, "actions")
        order_by = "code"

    fixed_columns = ("code", "actions")

    def render_code(self, value: str) -> Any:
        """Draw the empty code in words."""
        return render.mono(value, copy=False) if value else ANY_NUMBER
