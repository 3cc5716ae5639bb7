"""Questions about clients, accounts, aliases and registrations."""

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from accounts.models import Account, Alias, Client, Registration
from core.counting import related_count

# A registration counts until its expiry or its end, whichever comes first (RFC 3261 §10.3).
CURRENT = Q(ended_at__isnull=True, expires_at__gt=Now())


def clients_with_counts() -> QuerySet[Client]:
    """Return clients with how many accounts they have."""
    return Client.objects.annotate(account_count=related_count(Client, "accounts"))


def accounts_with_counts() -> QuerySet[Account]:
    """Return accounts with client, balance, product, and how many aliases and DIDs they have."""
    return Account.objects.select_related("client", "balance", "product").annotate(
        alias_count=related_count(Account, "aliases"), did_count=related_count(Alias, "dids", "alias__account")
    )


def aliases_with_state() -> QuerySet[Alias]:
    """Return aliases with account and client, whether a phone is registered, and how many DIDs ring them."""
    current = Registration.objects.filter(CURRENT, alias=OuterRef("pk"))
    aliases = Alias.objects.select_related("account__client").defer("ha1_md5", "ha1_sha256")
    return aliases.annotate(registered=Exists(current), did_count=related_count(Alias, "dids"))


def registrations() -> QuerySet[Registration]:
    """Return registrations with their alias, account and client, each with whether it is current."""
    rows = Registration.objects.select_related("alias__account__client")
    return rows.defer("alias__ha1_md5", "alias__ha1_sha256").annotate(current=CURRENT)


def registrations_of(alias: Alias) -> QuerySet[Registration]:
    """Return the contacts of one alias: current ones first, then those that ended last."""
    return alias.registrations.annotate(current=CURRENT).order_by("-current", "-refreshed_at")
