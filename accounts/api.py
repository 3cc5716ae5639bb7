"""Clients, accounts, aliases and registrations over HTTP."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.filters import AccountFilterSet, AliasFilterSet, ClientFilterSet, RegistrationFilterSet
from accounts.forms import BILLING_FIELDS
from accounts.models import Account, Alias, Client, Registration
from accounts.selectors import accounts_with_counts, aliases_with_state, clients_with_counts, registrations
from accounts.services import (
    create_account,
    create_alias,
    create_client,
    delete_account,
    delete_alias,
    delete_client,
    regenerate_secret,
    update_account,
    update_alias,
    update_client,
)
from billing.api import BalanceOwnerMixin, BalanceOwnerSerializer
from billing.choices import ProductKind
from billing.selectors import products_of_kind
from core.api import PortalSerializer, PortalViewSet, WriteMixin


class ClientSerializer(PortalSerializer):
    """A customer."""

    accounts = serializers.IntegerField(source="account_count", read_only=True)

    class Meta:
        model = Client
        fields = ("id", "name", "email", "notes", *BILLING_FIELDS, "accounts")


class ClientViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, WriteMixin):
    """Customers."""

    queryset = Client.objects.none()
    serializer_class = ClientSerializer
    filterset_class = ClientFilterSet

    def get_queryset(self) -> QuerySet[Client]:
        """Return clients with counts."""
        return clients_with_counts()

    def create_row(self, values: dict[str, Any]) -> Client:
        """Create a client."""
        return create_client(actor=self.actor, **values)

    def update_row(self, instance: Client, values: dict[str, Any]) -> Client:
        """Change a client."""
        return update_client(actor=self.actor, client=instance, **values)

    def delete_row(self, instance: Client) -> None:
        """Delete a client without accounts."""
        delete_client(actor=self.actor, client=instance)


class AccountSerializer(BalanceOwnerSerializer):
    """An account with its balance; client and currency are chosen at creation and stay."""

    product = serializers.PrimaryKeyRelatedField(
        queryset=products_of_kind(ProductKind.ACCOUNT), required=False, allow_null=True
    )
    aliases = serializers.IntegerField(source="alias_count", read_only=True)
    dids = serializers.IntegerField(source="did_count", read_only=True)

    class Meta:
        model = Account
        fields = (
            "id",
            "client",
            "name",
            "state",
            "currency",
            "credit_limit",
            "low_balance",
            "low_balance_email",
            "balance",
            "product",
            "call_limit",
            "max_call_seconds",
            "aliases",
            "dids",
        )


class ApiAccountFilterSet(AccountFilterSet):
    """Accounts, of one client too."""

    class Meta(AccountFilterSet.Meta):
        fields = ("state", "product", "client")


class AccountViewSet(BalanceOwnerMixin):
    """What is billed."""

    queryset = Account.objects.none()
    serializer_class = AccountSerializer
    filterset_class = ApiAccountFilterSet

    def get_queryset(self) -> QuerySet[Account]:
        """Return accounts with counts."""
        return accounts_with_counts()

    def create_row(self, values: dict[str, Any]) -> Account:
        """Create an account with its balance."""
        state = values.pop("state", None)
        balance = values.pop("balance")
        account = create_account(actor=self.actor, **values, **balance)
        return update_account(actor=self.actor, account=account, state=state) if state else account

    def update_row(self, instance: Account, values: dict[str, Any]) -> Account:
        """Change an account, and the limit of its balance."""
        changes = self.changes(instance, values)
        if values.get("client", instance.client) != instance.client:
            raise serializers.ValidationError({"client": ["An account stays its client's."]})
        return update_account(actor=self.actor, account=instance, **changes)

    def delete_row(self, instance: Account) -> None:
        """Delete an account that has neither aliases nor a ledger."""
        delete_account(actor=self.actor, account=instance)


class AliasSerializer(PortalSerializer):
    """An alias; its secret is in the answer that creates it, and in no other."""

    registered = serializers.BooleanField(read_only=True)
    dids = serializers.IntegerField(source="did_count", read_only=True)

    class Meta:
        model = Alias
        fields: tuple[str, ...] = ("id", "account", "username", "enabled", "description", "audio", "registered", "dids")


class AliasSecretSerializer(AliasSerializer):
    """An alias with the secret just made."""

    secret = serializers.CharField(read_only=True)

    class Meta(AliasSerializer.Meta):
        fields = (*AliasSerializer.Meta.fields, "secret")


class ApiAliasFilterSet(AliasFilterSet):
    """Aliases, of one account too."""

    class Meta(AliasFilterSet.Meta):
        fields = ("enabled", "account", "username")


class AliasViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, WriteMixin):
    """What phones register as."""

    queryset = Alias.objects.none()
    serializer_class = AliasSerializer
    filterset_class = ApiAliasFilterSet

    def get_queryset(self) -> QuerySet[Alias]:
        """Return aliases with their state."""
        return aliases_with_state()

    @extend_schema(responses={201: AliasSecretSerializer})
    def create(self, request: Request) -> Response:
        """Add an alias; the answer holds its secret, which cannot be read again."""
        values = self.valid(request)
        later = {field: values.pop(field) for field in ("enabled", "audio") if field in values}
        with transaction.atomic():
            alias, secret = create_alias(actor=self.actor, **values)
            if later:
                alias = update_alias(actor=self.actor, alias=alias, **later)
        return self._with_secret(alias, secret, 201)

    @extend_schema(request=None, responses=AliasSecretSerializer)
    @action(detail=True, methods=["post"])
    def secret(self, request: Request, pk: int) -> Response:
        """Make a new secret; the old one is refused at the phone's next registration."""
        alias = self.get_object()
        return self._with_secret(alias, regenerate_secret(actor=self.actor, alias=alias), 200)

    def _with_secret(self, alias: Alias, secret: str, status: int) -> Response:
        response = self.shown(alias, status, secret=secret)
        response["Cache-Control"] = "no-store"
        return response

    def update_row(self, instance: Alias, values: dict[str, Any]) -> Alias:
        """Change an alias; its user name is part of its digests, and its account of its DIDs."""
        for field in ("username", "account"):
            if values.get(field, getattr(instance, field)) != getattr(instance, field):
                raise serializers.ValidationError({field: ["This stays; add another alias."]})
        changes = {field: values[field] for field in ("enabled", "description", "audio") if field in values}
        return update_alias(actor=self.actor, alias=instance, **changes)

    def delete_row(self, instance: Alias) -> None:
        """Delete an alias that no DID rings."""
        delete_alias(actor=self.actor, alias=instance)


class RegistrationSerializer(PortalSerializer):
    """A contact that a phone registered."""

    current = serializers.BooleanField(read_only=True)
    username = serializers.CharField(source="alias.username", read_only=True)

    class Meta:
        model = Registration
        fields = (
            "id",
            "alias",
            "username",
            "current",
            "contact",
            "received",
            "transport",
            "user_agent",
            "registered_at",
            "refreshed_at",
            "expires_at",
            "ended_at",
            "switch",
        )
        read_only_fields = fields


class RegistrationViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, PortalViewSet):
    """What phones have registered, as the switch tells it."""

    queryset = Registration.objects.none()
    serializer_class = RegistrationSerializer
    filterset_class = RegistrationFilterSet

    def get_queryset(self) -> QuerySet[Registration]:
        """Return registrations with whether they are current."""
        return registrations()
