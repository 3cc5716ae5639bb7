"""Lists of DIDs."""

from typing import Any

from django.utils.safestring import SafeString

from core import render
from core import tables as t
from core.markup import format_html
from core.phone_numbers import format_number
from core.row_actions import ActionsColumn, ActionTable, RowAction
from dids.models import DID
from dids.rental_plans import AccountPricing


class NumberColumn(t.PlainColumn):
    """A DID's number, formatted for reading; what is copied is the bare ``+digits``."""

    def render(self, value: str, record: DID) -> Any:
        """Draw as a link to the DID."""
        return format_html(
            '<span class="mono-wrap"><a href="{}" class="mono phone-number" data-row-link>{}</a>{}</span>',
            record.get_absolute_url(),
            format_number(value),
            render.copy_button(f"+{value}"),
        )

    def value(self, **kwargs: Any) -> str:
        """Return +digits."""
        return f"+{kwargs['value']}"


class DIDTable(t.PortalTable):
    """DIDs of all carriers."""

    number = NumberColumn("DID number")
    state = t.PillColumn()
    carrier = t.LinkColumn(to="carrier")
    client = t.LinkColumn(accessor="alias__account__client", to="alias__account__client")
    account = t.LinkColumn(accessor="alias__account", to="alias__account")
    alias = t.LinkColumn(to="alias")
    country = t.PlainColumn()
    area = t.PlainColumn()
    provider_number = t.MonoColumn("Provider's spelling", copy=False)
    call_limit = t.NumberColumn()
    notes = t.PlainColumn()
    state_since = t.WhenColumn("State since", relative=True)

    class Meta(t.PortalTable.Meta):
        model = DID
        fields: tuple[str, ...] = (
            "number",
            "state",
            "carrier",
            "client",
            "account",
            "alias",
            "country",
            "area",
            "provider_number",
            "call_limit",
            "notes",
            "state_since",
        )
        order_by = "number"

    fixed_columns: tuple[str, ...] = ("number",)
    default_columns: tuple[str, ...] = (
        "number",
        "state",
        "carrier",
        "account",
        "alias",
        "country",
        "area",
        "state_since",
    )


class CarrierDIDTable(DIDTable):
    """The DIDs of one carrier."""

    class Meta(DIDTable.Meta):
        # Not only excluded: a name that fields gives and exclude takes breaks django-tables2's sequence.
        fields = tuple(name for name in DIDTable.Meta.fields if name != "carrier")
        exclude = ("carrier",)


class AccountDIDTable(ActionTable, DIDTable):
    """The DIDs of one account."""

    actions = ActionsColumn(
        RowAction("Move to another alias:", "dids:did_move", "arrows-right-left"),
        RowAction("Unmap", "dids:did_unmap", "unlink", danger=True),
    )

    class Meta(DIDTable.Meta):
        fields: tuple[str, ...] = (
            "number",
            "alias",
            "state",
            "carrier",
            "country",
            "area",
            "call_limit",
            "state_since",
            "actions",
        )
        exclude: tuple[str, ...] = ("client", "account", "provider_number", "notes")

    fixed_columns = ("number", "actions")
    default_columns = ("number", "alias", "state", "carrier", "area", "state_since")


class AliasDIDTable(AccountDIDTable):
    """The DIDs that ring one alias."""

    class Meta(AccountDIDTable.Meta):
        fields = tuple(name for name in AccountDIDTable.Meta.fields if name != "alias")
        exclude = ("client", "account", "provider_number", "notes", "alias")


class ChooseColumn(t.SelectColumn):
    """The box of a DID that may be chosen; a choice survives a refused attempt."""

    @property
    def header(self) -> Any:
        """Draw the box that chooses every row of the page."""
        return format_html(
            '<input type="checkbox" class="form-check-input" data-select-all aria-label="{}">', "Choose all shown"
        )

    def render(self, value: Any, bound_column: Any, record: DID, table: Any) -> Any:  # type: ignore[override]
        """Draw the box, ticked where the DID is chosen."""
        return format_html(
            '<input type="checkbox" class="form-check-input" name="pk" value="{}" form="mapping" aria-label="{}"{}>',
            value, f"Choose {record}", SafeString(" checked") if value in table.chosen else "",
        )  # fmt: skip


class AvailableDIDTable(t.PortalTable):
    """The list of available DIDs, to choose from."""

    select = ChooseColumn()
    number = t.PlainColumn("DID number")
    carrier = t.PlainColumn()
    country = t.PlainColumn()
    area = t.PlainColumn()
    rental = t.PlainColumn("Rental for this account", accessor="pk", orderable=False)
    state_since = t.WhenColumn("Available", relative=True)

    class Meta(t.PortalTable.Meta):
        model = DID
        fields = ("select", "number", "carrier", "country", "area", "rental", "state_since")
        order_by = "number"

    fixed_columns = ("select", "number")

    def __init__(self, *args: Any, chosen: frozenset[int] = frozenset(), **kwargs: Any) -> None:
        self.chosen = chosen
        self.pricing: AccountPricing | None = None
        super().__init__(*args, **kwargs)

    def render_rental(self, record: DID) -> str:
        """Say what mapping costs."""
        return (self.pricing.words(record) if self.pricing else "") or "–"

    def value_rental(self, record: DID) -> str:
        """Say the same in an export."""
        return self.pricing.words(record) if self.pricing else ""

    def render_number(self, value: str) -> Any:
        """Draw for reading."""
        return render.mono(format_number(value), copy=False, css="phone-number")

    def value_number(self, value: str) -> str:
        """Return +digits."""
        return f"+{value}"
