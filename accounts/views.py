"""Pages of clients and accounts."""

from typing import Any

from django.db.models import QuerySet
from django.utils.safestring import SafeString

from accounts import alias_views  # noqa: F401 - registers the tab "Aliases" of accounts
from accounts.choices import AccountState
from accounts.filters import AccountFilterSet, ClientFilterSet
from accounts.forms import AccountForm, AccountMainForm, ClientForm
from accounts.models import Account, Client
from accounts.selectors import accounts_with_counts, clients_with_counts
from accounts.services import (
    archive_account,
    archive_client,
    create_account,
    create_client,
    delete_account,
    delete_client,
    set_account_state,
    update_account,
    update_client,
    what_keeps_client,
)
from accounts.tables import AccountTable, ClientTable
from billing.ledger_views import AdjustmentView, LedgerTab, PaymentView
from billing.selectors import free_seconds_now, what_keeps_owner
from billing.statement_views import StatementTab
from core import render
from core.access import Access
from core.archive import ArchiveView, RestoreMixin, archived_pill, is_archived, is_in_use
from core.tabs import ViewTab, bounded_count, register_tab
from core.views import BulkAction, CreateView, EmptyState, ListView, PageAction, TabListView
from core.views.guarded import GuardedDeleteView
from core.views.tabform import ObjectFormView

ADD_CLIENT = PageAction("Add client", "accounts:client_add", icon="plus", primary=True)
ADD_ACCOUNT = PageAction("Add account", "accounts:account_add", icon="plus", primary=True)


class ClientListView(ListView):
    """All clients."""

    model = Client
    table_class = ClientTable
    filterset_class = ClientFilterSet
    page_actions = (ADD_CLIENT,)
    empty = EmptyState("No client yet", "A client is a customer; its accounts are billed.", "users", ADD_CLIENT)

    def get_queryset(self) -> QuerySet[Client]:
        """Return clients with counts."""
        return clients_with_counts()


class ClientAdd(CreateView):
    """Add a client."""

    model = Client
    form_class = ClientForm

    def perform(self, form: Any) -> Client:
        """Create it."""
        return create_client(actor=self.actor, **form.cleaned_data)


@register_tab(Client)
class ClientView(ObjectFormView):
    """A client's main tab."""

    model = Client
    form_class = ClientForm
    access_post, open_fields = Access.READ, ("notes",)
    tab = ViewTab("Main", weight=100)
    object_actions = (
        PageAction("Delete", "accounts:client_delete", icon="trash", danger=True),
        PageAction("Archive", "accounts:client_archive", icon="archive", shown=is_in_use),
        PageAction("Take back", "accounts:client_restore", icon="archive-off", shown=is_archived),
        PageAction(
            "Add account", "accounts:account_add", icon="plus", primary=True, query="?client={pk}", shown=is_in_use
        ),
    )

    @classmethod
    def object_pills(cls, instance: Client) -> list[SafeString]:
        """Return whether it is archived."""
        return archived_pill(instance)

    def perform(self, form: Any) -> Client:
        """Save it."""
        return update_client(actor=self.actor, client=self.object, **self.written(form))


@register_tab(Client, "accounts")
class ClientAccountsTab(TabListView):
    """The accounts of a client."""

    tab = ViewTab("Accounts", badge=lambda client: bounded_count(client.accounts), weight=200)
    model = Account
    table_class = AccountTable
    filterset_class = AccountFilterSet
    empty = EmptyState(
        "No account yet",
        "An account is what is billed; its aliases are what phones register as.",
        "wallet",
        PageAction("Add account", "accounts:account_add", icon="plus", primary=True, query="?client={pk}"),
    )

    def get_queryset(self) -> QuerySet[Account]:
        """Return the client's accounts."""
        return accounts_with_counts().filter(client=self.object)


class ClientArchive(ArchiveView):
    """Hide a client that has no account in use."""

    model = Client
    lead = "It is hidden from lists and choices. Its accounts, invoices and past calls stay."

    def archive(self) -> Client:
        """Archive it, or take it back."""
        return archive_client(actor=self.actor, client=self.object, archived=self.archived)


class ClientRestore(RestoreMixin, ClientArchive):
    """Show an archived client again."""

    lead = "It is listed and offered again."


class ClientDelete(GuardedDeleteView):
    """Delete a client without accounts."""

    model = Client
    instead = PageAction("Archive it", "accounts:client_archive", icon="archive", shown=is_in_use)

    def keepers(self) -> list[str]:
        """Return its accounts, counted."""
        return what_keeps_client(self.object)

    def perform(self, form: Any) -> str:
        """Delete it."""
        delete_client(actor=self.actor, client=self.object)
        return str(self.object)


class AccountListView(ListView):
    """Clients › Accounts."""

    model = Account
    table_class = AccountTable
    filterset_class = AccountFilterSet
    page_actions = (ADD_ACCOUNT,)
    empty = EmptyState(
        "No account yet",
        "An account belongs to a client; DID numbers are mapped to its aliases.",
        icon="wallet",
        action=ADD_ACCOUNT,
    )
    bulk_actions = (
        BulkAction("activate", "Make active", icon="player-play"),
        BulkAction("suspend", "Suspend", confirm="Their aliases receive no calls.", icon="player-pause"),
    )

    def get_queryset(self) -> QuerySet[Account]:
        """Return accounts with counts."""
        return accounts_with_counts()

    def bulk_activate(self, rows: QuerySet[Account], actor: Any) -> str:
        """Let them receive calls again."""
        return f"{self._set(rows, actor, AccountState.ACTIVE)} accounts active."

    def bulk_suspend(self, rows: QuerySet[Account], actor: Any) -> str:
        """Let them receive no calls."""
        return f"{self._set(rows, actor, AccountState.SUSPENDED)} accounts suspended."

    @staticmethod
    def _set(rows: QuerySet[Account], actor: Any, state: AccountState) -> int:
        return len([set_account_state(actor=actor, account=row, state=state) for row in rows.order_by("pk")])


class AccountAdd(CreateView):
    """Add an account."""

    model = Account
    form_class = AccountForm

    def perform(self, form: Any) -> Account:
        """Create it with its balance."""
        return create_account(actor=self.actor, **form.cleaned_data)

    def get_success_message(self, result: Account) -> str:
        """Say which, and what comes next."""
        return f"Account {result} added. Add an alias next: it is what a phone registers as."


@register_tab(Account)
class AccountView(ObjectFormView):
    """An account's tab "Main"."""

    model = Account
    form_class = AccountMainForm
    tab = ViewTab("Main", weight=100)
    template_name = "accounts/account.html"
    object_actions = (
        PageAction("Delete", "accounts:account_delete", icon="trash", danger=True),
        PageAction("Archive", "accounts:account_archive", icon="archive", shown=is_in_use),
        PageAction("Take back", "accounts:account_restore", icon="archive-off", shown=is_archived),
        PageAction("Add payment", "accounts:account_payment", icon="cash"),
    )

    @classmethod
    def object_queryset(cls, model: Any) -> QuerySet[Account]:
        """Return accounts with client and balance."""
        return Account.objects.select_related("client", "balance", "product")

    @classmethod
    def object_parents(cls, instance: Account) -> list[tuple[str, str]]:
        """Return the list and the client."""
        return [*super().object_parents(instance), (str(instance.client), instance.client.get_absolute_url())]

    @classmethod
    def object_pills(cls, instance: Account) -> list[SafeString]:
        """Return its state."""
        return [render.choice_pill(instance, "state"), *archived_pill(instance)]

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add whether it pays for calls at all, and what is used of the free seconds that its product grants."""
        product = self.object.product
        granted = product is not None and product.free_seconds > 0
        # A number's own price counts before the product does, and where there is none.
        priced = product is None and self.object.aliases.filter(dids__price__isnull=False).exists()
        return super().get_context_data(
            receives_free=product is None and not priced,
            free_use=free_seconds_now(self.object.pk) if granted else None,
            **extra,
        )

    def perform(self, form: Any) -> Account:
        """Save the account and the limit of its balance."""
        return update_account(actor=self.actor, account=self.object, **form.cleaned_data)


class AccountArchive(ArchiveView):
    """Hide an account that no number rings."""

    model = Account
    lead = (
        "It is suspended, and hidden from lists and choices. Its ledger, invoices and past calls stay, "
        "and payments can still be booked."
    )

    def archive(self) -> Account:
        """Archive it, or take it back."""
        return archive_account(actor=self.actor, account=self.object, archived=self.archived)


class AccountRestore(RestoreMixin, AccountArchive):
    """Show an archived account again."""

    lead = "It is listed and offered again, suspended until you make it active."


class AccountDelete(GuardedDeleteView):
    """Delete an account that has neither aliases nor a ledger."""

    model = Account
    instead = PageAction("Archive it", "accounts:account_archive", icon="archive", shown=is_in_use)

    def keepers(self) -> list[str]:
        """Return its aliases and ledger entries, counted."""
        return what_keeps_owner(self.object)

    def perform(self, form: Any) -> str:
        """Delete it."""
        delete_account(actor=self.actor, account=self.object)
        return str(self.object)


class AccountPayment(PaymentView):
    """Take a client's payment."""

    model = Account


class AccountAdjustment(AdjustmentView):
    """Correct an account's balance."""

    model = Account


@register_tab(Account, "statement")
class AccountStatement(StatementTab):
    """What moved an account's balance over a period."""


@register_tab(Account, "ledger")
class AccountLedger(LedgerTab):
    """Every movement of an account's balance."""

    page_actions = (
        PageAction("Adjustment", "accounts:account_adjustment", permission=Access.ADMIN, icon="adjustments"),
    )
    empty = EmptyState("No entry yet", "Payments, charges and corrections of this account stand here.", "receipt")
