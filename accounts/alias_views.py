"""Pages of aliases and of what phones have registered."""

from typing import Any

from django import forms
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString

from accounts.filters import AliasFilterSet, RegistrationFilterSet
from accounts.forms import AliasForm, AliasMainForm
from accounts.models import Account, Alias, Registration
from accounts.selectors import aliases_with_state, registrations, registrations_of
from accounts.services import create_alias, delete_alias, regenerate_secret, update_alias, what_keeps_alias
from accounts.tables import ENABLED, REGISTERED, AccountAliasTable, AliasTable, RegistrationTable
from core import render
from core.access import Access
from core.tabs import ViewTab, bounded_count, register_tab
from core.views import BulkAction, EmptyState, FormActionView, ListView, PageAction, TabCreateView, TabListView
from core.views.base import PageView
from core.views.guarded import GuardedDeleteView
from core.views.once import ShownOnceMixin
from core.views.tabform import ObjectFormView


def phone_settings() -> dict[str, Any]:
    """Return what a phone's menus ask for besides user name and secret; STUN answers on the SIP port."""
    address = settings.SIP_ADDRESS
    host = f"[{address}]" if ":" in address else address
    port = settings.SIP_PORT
    tls = settings.SIP_TLS_PORT
    return {
        "sip_server": host,
        "sip_port": port,
        "sip_tls_port": tls,
        "sip_realm": settings.SIP_REALM,
        "stun_server": f"{host}:{port}",
    }


class SecretShownOnce(ShownOnceMixin):
    """A form that makes an alias's secret; what else a phone asks for stands beside it."""

    secret_name, secret_template = "Secret", "accounts/secret.html"

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add the settings of a phone."""
        return super().get_context_data(**phone_settings(), **extra)


class AliasListView(ListView):
    """Clients › Aliases."""

    model = Alias
    table_class = AliasTable
    filterset_class = AliasFilterSet
    empty = EmptyState(
        "No alias yet",
        "An alias (subaccount) is what a phone registers as. Open an account and add one on its tab Aliases.",
        icon="device-landline-phone",
        action=PageAction("To the accounts", "accounts:account_list"),
    )
    bulk_actions = (
        BulkAction("enable", "Enable", icon="player-play"),
        BulkAction("disable", "Disable", confirm="They can neither register nor be called.", icon="player-pause"),
    )

    def get_queryset(self) -> QuerySet[Alias]:
        """Return aliases with their state."""
        return aliases_with_state()

    def bulk_enable(self, rows: QuerySet[Alias], actor: Any) -> str:
        """Let them register and be called."""
        return f"{self._switch(rows, actor, enabled=True)} aliases enabled."

    def bulk_disable(self, rows: QuerySet[Alias], actor: Any) -> str:
        """Let them neither register nor be called."""
        return f"{self._switch(rows, actor, enabled=False)} aliases disabled."

    @staticmethod
    def _switch(rows: QuerySet[Alias], actor: Any, *, enabled: bool) -> int:
        aliases = list(rows.order_by("pk"))
        for alias in aliases:
            update_alias(actor=actor, alias=alias, enabled=enabled)
        return len(aliases)


# Not as a fragment: the answer is a page of its own, which shows the secret once.
ADD_ALIAS = PageAction("Add alias", "accounts:alias_add", icon="plus", primary=True)


@register_tab(Account, "aliases")
class AccountAliasesTab(TabListView):
    """The aliases (subaccounts) of an account."""

    tab = ViewTab("Aliases", badge=lambda account: bounded_count(account.aliases), weight=200)
    model = Alias
    table_class = AccountAliasTable
    filterset_class = AliasFilterSet
    page_actions = (ADD_ALIAS,)
    empty = EmptyState(
        "No alias yet",
        "An alias (subaccount) is what a phone registers as; DID numbers are mapped to it.",
        icon="device-landline-phone",
        action=ADD_ALIAS,
    )

    def get_queryset(self) -> QuerySet[Alias]:
        """Return the account's aliases."""
        return aliases_with_state().filter(account=self.object)


class AliasAdd(SecretShownOnce, TabCreateView):
    """Add an alias; its secret is shown once."""

    tab_model, parent_field, return_slug = "accounts.account", "account", "aliases"
    model = Alias
    form_class = AliasForm
    title = "Add alias"
    lead = "The secret is generated and shown once."

    def perform(self, form: Any) -> tuple[Alias, str]:
        """Create it."""
        return create_alias(actor=self.actor, account=self.object, **form.cleaned_data)

    def get_success_url(self, result: Any) -> str:
        """Return the account's aliases."""
        return super().get_success_url(None)


@register_tab(Alias)
class AliasView(ObjectFormView):
    """An alias: its phone's settings, and what has registered, live."""

    model = Alias
    form_class = AliasMainForm
    tab = ViewTab("Main", weight=100)
    template_name = "accounts/alias.html"
    object_actions = (
        PageAction("Delete", "accounts:alias_delete", icon="trash", danger=True),
        PageAction("New secret", "accounts:alias_secret", icon="key"),
    )

    @classmethod
    def object_queryset(cls, model: Any) -> QuerySet[Alias]:
        """Return aliases with their state."""
        return aliases_with_state()

    @classmethod
    def object_parents(cls, instance: Alias) -> list[tuple[str, str]]:
        """Return the list and the account."""
        account = instance.account
        return [*super().object_parents(instance), (f"{account.client} › {account}", account.get_absolute_url())]

    @classmethod
    def object_subtitle(cls, instance: Alias) -> str:
        """Return its description."""
        return instance.description

    @classmethod
    def object_pills(cls, instance: Any) -> list[SafeString]:
        """Return whether it is enabled and registered."""
        pills = [] if instance.enabled else [render.pill(*ENABLED[1])]
        return [*pills, render.pill(*REGISTERED[0 if instance.registered else 1])]

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add the phone's settings and contacts."""
        contacts = registrations_of(self.object)[:10]
        code = settings.SIP_NOT_REGISTERED_CODE
        return super().get_context_data(contacts=contacts, not_registered_code=code, **phone_settings(), **extra)

    def perform(self, form: Any) -> Alias:
        """Save it."""
        return update_alias(actor=self.actor, alias=self.object, **form.cleaned_data)


class AliasContacts(PageView):
    """The contacts of an alias alone, which its page asks for every few seconds."""

    access = Access.READ
    template_name = "accounts/contacts.html"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Render the table."""
        alias = get_object_or_404(Alias, pk=pk)
        code = settings.SIP_NOT_REGISTERED_CODE
        return self.render({"object": alias, "contacts": registrations_of(alias)[:10], "not_registered_code": code})


class AliasSecret(SecretShownOnce, FormActionView):
    """Give an alias a new secret, shown once."""

    model = Alias
    queryset = Alias.objects.select_related("account")
    form_class = forms.Form
    submit_label = "Make a new secret"

    def get_title(self) -> str:
        """Return the question."""
        return f"New secret for {self.object}?"

    def get_lead(self) -> str:
        """Say what stops working."""
        return (
            f"Phones that use the old secret of {self.object} can no longer register: they receive no calls once "
            "their present registration expires, until the new secret is entered in them."
        )

    def perform(self, form: Any) -> tuple[Alias, str]:
        """Make it."""
        return self.object, regenerate_secret(actor=self.actor, alias=self.object)


class AliasDelete(GuardedDeleteView):
    """Delete an alias that no DID rings."""

    model = Alias
    queryset = Alias.objects.select_related("account")
    lead = "Its phones can no longer register; its secret is lost."
    instead = PageAction("Open it to disable it", "accounts:alias_detail")

    def keepers(self) -> list[str]:
        """Return the DIDs that ring it."""
        return what_keeps_alias(self.object)

    def get_success_url(self, result: Any) -> str:
        """Return the account."""
        return self.object.account.get_absolute_url()

    def perform(self, form: Any) -> str:
        """Delete it."""
        delete_alias(actor=self.actor, alias=self.object)
        return self.object.username


class RegistrationListView(ListView):
    """Tools › Registrations: what phones have registered, refreshed while one looks."""

    model = Registration
    template_name = "accounts/registration_list.html"
    table_class = RegistrationTable
    filterset_class = RegistrationFilterSet
    empty = EmptyState(
        "No phone has registered yet",
        "A phone registers with the SIP user name and secret of an alias; then calls to its DID numbers ring it.",
        icon="device-landline-phone",
    )

    def get_queryset(self) -> QuerySet[Registration]:
        """Return all registrations."""
        return registrations()
