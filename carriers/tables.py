"""Lists of carriers and of their addresses."""

from typing import Any

from carriers.models import Carrier, CarrierAccount
from core import render
from core import tables as t
from core.markup import format_html
from core.row_actions import ActionsColumn, ActionTable, RowAction

ENABLED = (("Enabled", "green"), ("Disabled", "secondary"))


class CarrierTable(t.PortalTable):
    """All carriers."""

    name = t.LinkColumn()
    enabled = t.PillColumn("State", words=ENABLED)
    is_did_provider = t.PillColumn("DID provider", words=(("DID provider", "azure"), ("No", "secondary")))
    credit = t.MoneyColumn("Balance", accessor="balance__amount", currency="balance__currency")
    credit_limit = t.MoneyColumn(accessor="balance__credit_limit", currency="balance__currency")
    account_count = t.NumberColumn("Addresses")
    did_count = t.NumberColumn("DIDs")

    class Meta(t.PortalTable.Meta):
        model = Carrier
        fields = ("name", "enabled", "is_did_provider", "credit", "credit_limit", "account_count", "did_count")
        order_by = "name"

    fixed_columns = ("name",)
    default_columns = ("name", "enabled", "is_did_provider", "credit", "account_count", "did_count")

    def render_credit(self, value: Any, record: Carrier) -> Any:
        """Draw the balance, marked where it lets no call in."""
        drawn = render.money(value, record.balance.currency)
        return drawn if record.balance.in_credit else render.pill(drawn, "red", title="No credit: calls are refused")


class CarrierAccountTable(ActionTable):
    """The addresses of one carrier."""

    network = t.PlainColumn("IP address")
    description = t.PlainColumn()
    product = t.LinkColumn(to="product")
    tech_prefix = t.MonoColumn("Tech prefix", copy=False)
    number_source = t.PlainColumn("DID is read from")
    default_region = t.PlainColumn("National numbers of")
    call_limit = t.NumberColumn()
    enabled = t.PillColumn("State", words=ENABLED)
    actions = ActionsColumn(
        RowAction("Edit", "carriers:carrieraccount_detail", "pencil"),
        RowAction("Delete", "carriers:carrieraccount_delete", "trash", danger=True),
    )

    class Meta(t.PortalTable.Meta):
        model = CarrierAccount
        fields = (
            "network",
            "description",
            "product",
            "tech_prefix",
            "number_source",
            "default_region",
            "call_limit",
            "enabled",
            "actions",
        )
        order_by = "network"

    fixed_columns = ("network", "actions")
    default_columns = ("network", "description", "product", "tech_prefix", "call_limit", "enabled")

    def render_network(self, record: CarrierAccount) -> Any:
        """Draw an address without its mask, linked to its entry."""
        link = '<span class="mono-wrap"><a href="{}" class="mono" data-row-link>{}</a>{}</span>'
        return format_html(link, record.get_absolute_url(), record, render.copy_button(record))

    def value_network(self, record: CarrierAccount) -> str:
        """Return the same for an export."""
        return str(record)
