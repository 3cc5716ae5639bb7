"""Lists of clients, accounts, aliases and registrations."""

from typing import Any

from accounts.models import Account, Alias, Client, Registration
from core import render
from core import tables as t
from core.markup import format_html
from core.row_actions import ActionsColumn, ActionTable, RowAction

ENABLED = (("Enabled", "green"), ("Disabled", "secondary"))
REGISTERED = (("Registered", "green"), ("Not registered", "secondary"))


class ClientTable(t.PortalTable):
    """All clients."""

    name = t.LinkColumn()
    email = t.PlainColumn("E-mail")
    account_count = t.NumberColumn("Accounts")

    class Meta(t.PortalTable.Meta):
        model = Client
        fields = ("name", "email", "account_count")
        order_by = "name"

    fixed_columns = ("name",)


class AccountTable(t.PortalTable):
    """Accounts."""

    name = t.LinkColumn("Account")
    client = t.LinkColumn(to="client")
    state = t.PillColumn()
    balance = t.MoneyColumn("Balance", accessor="balance__amount", currency="balance__currency")
    product = t.LinkColumn(to="product")
    call_limit = t.NumberColumn()
    alias_count = t.NumberColumn("Aliases")
    did_count = t.NumberColumn("DIDs")

    class Meta(t.PortalTable.Meta):
        model = Account
        fields = ("name", "client", "state", "balance", "product", "call_limit", "alias_count", "did_count")
        order_by = ("client", "name")

    fixed_columns = ("name",)
    default_columns = ("name", "client", "state", "balance", "alias_count", "did_count")


class AliasTable(t.PortalTable):
    """Aliases."""

    username = t.MonoColumn("SIP user name", link=True)
    registered = t.PillColumn("Phone", words=REGISTERED)
    enabled = t.PillColumn("State", words=ENABLED)
    account = t.LinkColumn(to="account")
    client = t.LinkColumn(accessor="account__client", to="account__client")
    did_count = t.NumberColumn("DIDs")
    description = t.PlainColumn()

    class Meta(t.PortalTable.Meta):
        model = Alias
        fields: tuple[str, ...] = (
            "username",
            "registered",
            "enabled",
            "account",
            "client",
            "did_count",
            "description",
        )
        order_by = "username"

    fixed_columns: tuple[str, ...] = ("username",)


class AccountAliasTable(ActionTable, AliasTable):
    """The aliases of one account."""

    actions = ActionsColumn(
        RowAction("New secret for", "accounts:alias_secret", "key"),
        RowAction("Delete", "accounts:alias_delete", "trash", danger=True),
    )

    class Meta(AliasTable.Meta):
        fields = ("username", "registered", "enabled", "did_count", "description", "actions")
        exclude = ("account", "client")

    fixed_columns = ("username", "actions")


class RegistrationTable(t.PortalTable):
    """Contacts that phones have registered."""

    alias = t.LinkColumn(to="alias")
    account = t.LinkColumn(accessor="alias__account", to="alias__account")
    client = t.LinkColumn(accessor="alias__account__client", to="alias__account__client")
    current = t.PillColumn("State", words=(("Registered", "green"), ("Ended", "secondary")))
    contact = t.MonoColumn()
    received = t.MonoColumn("Received from")
    transport = t.PlainColumn()
    user_agent = t.PlainColumn()
    registered_at = t.WhenColumn("Registered", relative=True)
    refreshed_at = t.WhenColumn("Refreshed", relative=True)
    expires_at = t.WhenColumn("Expires", relative=True)
    switch = t.PlainColumn()

    class Meta(t.PortalTable.Meta):
        model = Registration
        fields = (
            "alias",
            "account",
            "client",
            "current",
            "contact",
            "received",
            "transport",
            "user_agent",
            "registered_at",
            "refreshed_at",
            "expires_at",
            "switch",
        )
        order_by = ("-current", "-refreshed_at")

    fixed_columns = ("alias",)
    default_columns = ("alias", "account", "current", "contact", "received", "user_agent", "refreshed_at", "expires_at")

    def render_alias(self, value: Any, record: Registration) -> Any:
        """Draw the SIP user name as such."""
        return format_html('<a href="{}" class="mono" data-row-link>{}</a>', record.alias.get_absolute_url(), value)

    def value_alias(self, value: Any) -> str:
        """Return the SIP user name."""
        return str(value)

    def render_expires_at(self, value: Any, record: Registration) -> Any:
        """Show when a contact that was removed before its expiry ended."""
        return render.since(record.ended_at or value)

    def render_contact(self, value: str) -> Any:
        """Draw a long URI short; the tooltip and the copy have it whole."""
        return format_html('<span class="clip" title="{}">{}</span>', value, render.mono(value))

    def value_contact(self, value: str) -> str:
        """Return the URI."""
        return value
