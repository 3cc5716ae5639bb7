"""Carriers and their addresses over HTTP."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework import mixins, serializers

from billing.api import BalanceOwnerMixin, BalanceOwnerSerializer
from billing.choices import ProductKind
from billing.selectors import free_inbound_product, products_of_kind
from carriers.filters import CarrierAccountFilterSet, CarrierFilterSet
from carriers.models import Carrier, CarrierAccount
from carriers.networks import NetworkError, read_network
from carriers.selectors import carriers_with_counts
from carriers.services import (
    create_carrier,
    delete_carrier,
    delete_carrier_account,
    save_carrier_account,
    update_carrier,
)
from carriers.translation import read_rules, write_rules
from core.api import PortalSerializer, WriteMixin


class CarrierSerializer(BalanceOwnerSerializer):
    """A carrier with its balance; the currency is chosen at creation and stays."""

    in_credit = serializers.BooleanField(source="balance.in_credit", read_only=True)
    addresses = serializers.IntegerField(source="account_count", read_only=True)
    dids = serializers.IntegerField(source="did_count", read_only=True)

    class Meta:
        model = Carrier
        fields = (
            "id",
            "name",
            "enabled",
            "is_did_provider",
            "currency",
            "credit_limit",
            "low_balance",
            "low_balance_email",
            "balance",
            "in_credit",
            "addresses",
            "dids",
            "notes",
        )
        # The service says whose name it is; DRF's own validator would also refuse a name that stays as it was.
        extra_kwargs: ClassVar[dict[str, Any]] = {"name": {"validators": []}}


class CarrierViewSet(BalanceOwnerMixin):
    """Companies we exchange calls with."""

    queryset = Carrier.objects.none()
    serializer_class = CarrierSerializer
    filterset_class = CarrierFilterSet

    def get_queryset(self) -> QuerySet[Carrier]:
        """Return carriers with balance and counts."""
        return carriers_with_counts()

    def create_row(self, values: dict[str, Any]) -> Carrier:
        """Create a carrier with its balance."""
        balance = values.pop("balance")
        return create_carrier(actor=self.actor, **values, **balance)

    def update_row(self, instance: Carrier, values: dict[str, Any]) -> Carrier:
        """Change a carrier, and the limit of its balance."""
        return update_carrier(actor=self.actor, carrier=instance, **self.changes(instance, values))

    def delete_row(self, instance: Carrier) -> None:
        """Delete a carrier that has neither DIDs nor a ledger."""
        delete_carrier(actor=self.actor, carrier=instance)


class NetworkField(serializers.CharField):
    """An address, or a network in CIDR notation."""

    def to_internal_value(self, data: Any) -> Any:
        """Read it; a mask makes it a subnet."""
        written = super().to_internal_value(data)
        try:
            return read_network(written, subnet="/" in written)
        except NetworkError as error:
            raise serializers.ValidationError(str(error)) from error

    def to_representation(self, value: Any) -> str:
        """Return CIDR notation, for single addresses too."""
        return str(value)


class RulesField(serializers.ListField):
    """Translation rules: pairs of prefix and replacement."""

    child = serializers.ListField(child=serializers.CharField(allow_blank=True), min_length=2, max_length=2)

    def to_internal_value(self, data: Any) -> list[list[str]]:
        """Check each rule as the form does."""
        try:
            return read_rules(write_rules(super().to_internal_value(data)))
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from error


class CarrierAccountSerializer(PortalSerializer):
    """One address or subnet of a carrier; without a product it gets "free inbound"."""

    network = NetworkField()
    product = serializers.PrimaryKeyRelatedField(
        queryset=products_of_kind(ProductKind.ORIGINATING_CARRIER), required=False
    )
    translation = RulesField(required=False)

    class Meta:
        model = CarrierAccount
        fields = (
            "id",
            "carrier",
            "network",
            "product",
            "tech_prefix",
            "number_source",
            "default_region",
            "translation",
            "call_limit",
            "enabled",
            "description",
            "audio",
        )


class CarrierAccountViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, WriteMixin):
    """Addresses and subnets from which carriers send calls."""

    queryset = CarrierAccount.objects.select_related("carrier__balance", "product")
    serializer_class = CarrierAccountSerializer
    filterset_class = CarrierAccountFilterSet

    def create_row(self, values: dict[str, Any]) -> CarrierAccount:
        """Add an address."""
        entry = CarrierAccount(**{"product": free_inbound_product()} | values)
        return save_carrier_account(actor=self.actor, account=entry)

    def update_row(self, instance: CarrierAccount, values: dict[str, Any]) -> CarrierAccount:
        """Change an address; it stays its carrier's."""
        if values.get("carrier", instance.carrier) != instance.carrier:
            raise serializers.ValidationError({"carrier": ["An address stays its carrier's; add it to the other one."]})
        for field, value in values.items():
            setattr(instance, field, value)
        return save_carrier_account(actor=self.actor, account=instance)

    def delete_row(self, instance: CarrierAccount) -> None:
        """Delete an address."""
        delete_carrier_account(actor=self.actor, account=instance)
