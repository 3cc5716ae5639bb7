"""Products, rate tables and rates over HTTP, and payments as other apps offer them."""

from typing import Any

from django.db.models import Model
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from billing.filters import ProductFilterSet, RateFilterSet, RateTableFilterSet
from billing.models import LedgerEntry, Product, ProductMapping, Rate, RateTable
from billing.pricing import (
    delete_mapping,
    delete_product,
    delete_rate,
    delete_rate_table,
    save_mapping,
    save_product,
    save_rate,
    save_rate_table,
)
from billing.rate_fields import RATE_FIELDS
from billing.services import record_payment
from core.api import AmountField, PaymentSerializer, PortalSerializer, WriteMixin
from core.fields import ZERO


class EntrySerializer(PortalSerializer):
    """A ledger entry; payments have a receipt number."""

    receipt = serializers.CharField(read_only=True)

    class Meta:
        model = LedgerEntry
        fields = ("id", "kind", "amount", "balance_after", "at", "note", "receipt")
        read_only_fields = fields


class BalanceOwnerSerializer(PortalSerializer):
    """What has a balance: its currency is chosen at creation and stays."""

    currency = serializers.CharField(source="balance.currency", max_length=3)
    credit_limit = AmountField(source="balance.credit_limit", min_value=0, default=ZERO)
    low_balance = AmountField(source="balance.low_at", required=False, allow_null=True)
    low_balance_email = serializers.EmailField(source="balance.low_email", required=False, allow_blank=True)
    balance = AmountField(source="balance.amount", read_only=True)


class BalanceOwnerMixin(mixins.ListModelMixin, mixins.RetrieveModelMixin, WriteMixin):
    """Rows that have a balance: the fields of BalanceOwnerSerializer, and payments."""

    def changes(self, instance: Any, values: dict[str, Any]) -> dict[str, Any]:
        """Return the changes as services take them; refuse another currency."""
        balance = values.pop("balance", {})
        if balance.pop("currency", instance.balance.currency) != instance.balance.currency:
            raise serializers.ValidationError({"currency": ["The currency of a balance stays."]})
        return values | balance

    @extend_schema(request=PaymentSerializer, responses={201: EntrySerializer})
    @action(detail=True, methods=["post"], serializer_class=PaymentSerializer)
    def payments(self, request: Request, pk: int) -> Response:
        """Take a payment, which gives credit; the same key twice is one payment."""
        entry = record_payment(actor=self.actor, balance=self.get_object().balance, **self.valid(request))
        return Response(EntrySerializer(entry).data, status=201)


class SavedRowMixin(mixins.ListModelMixin, mixins.RetrieveModelMixin, WriteMixin):
    """Rows that one service saves, new or changed; name it and its argument."""

    model: type[Model]
    argument = ""
    save: Any
    remove: Any
    # A row stays where it was made: its parent is no field to change.
    parent = ""

    def create_row(self, values: dict[str, Any]) -> Any:
        """Create a row."""
        return type(self).save(actor=self.actor, **{self.argument: self.model(**values)})

    def update_row(self, instance: Any, values: dict[str, Any]) -> Any:
        """Change a row."""
        if self.parent and values.get(self.parent, getattr(instance, self.parent)) != getattr(instance, self.parent):
            raise serializers.ValidationError({self.parent: ["This cannot be changed; make a new row."]})
        for field, value in values.items():
            setattr(instance, field, value)
        return type(self).save(actor=self.actor, **{self.argument: instance})

    def delete_row(self, instance: Any) -> None:
        """Delete a row."""
        type(self).remove(actor=self.actor, **{self.argument: instance})


class ProductSerializer(PortalSerializer):
    """A product; ``builtin`` ones stay as they are."""

    class Meta:
        model = Product
        fields = ("id", "name", "kind", "description", "free_seconds", "builtin")
        read_only_fields = ("builtin",)


class ProductViewSet(SavedRowMixin):
    """What calls cost and whether they may pass."""

    model, argument = Product, "product"
    save, remove = staticmethod(save_product), staticmethod(delete_product)
    queryset = Product.objects.all()
    serializer_class = ProductSerializer
    filterset_class = ProductFilterSet


class ProductMappingSerializer(PortalSerializer):
    """Which rate table prices a prefix, from when on."""

    class Meta:
        model = ProductMapping
        fields = ("id", "product", "prefix", "rate_table", "starts_at")


class ProductMappingViewSet(SavedRowMixin):
    """The mappings of products."""

    model, argument, parent = ProductMapping, "mapping", "product"
    save, remove = staticmethod(save_mapping), staticmethod(delete_mapping)
    queryset = ProductMapping.objects.select_related("product", "rate_table")
    serializer_class = ProductMappingSerializer
    filterset_fields = ("product", "prefix", "rate_table")


class RateTableSerializer(PortalSerializer):
    """A rate table."""

    class Meta:
        model = RateTable
        fields = ("id", "name", "currency", "description")


class RateTableViewSet(SavedRowMixin):
    """Named lists of rates in one currency."""

    model, argument = RateTable, "table"
    save, remove = staticmethod(save_rate_table), staticmethod(delete_rate_table)
    queryset = RateTable.objects.all()
    serializer_class = RateTableSerializer
    filterset_class = RateTableFilterSet


class RateSerializer(PortalSerializer):
    """A rate."""

    class Meta:
        model = Rate
        fields = ("id", "table", *RATE_FIELDS)


class ApiRateFilterSet(RateFilterSet):
    """Rates, of one table too."""

    class Meta(RateFilterSet.Meta):
        fields = ("enabled", "table", "code")


class RateViewSet(SavedRowMixin):
    """The rates of all tables."""

    model, argument, parent = Rate, "rate", "table"
    save, remove = staticmethod(save_rate), staticmethod(delete_rate)
    queryset = Rate.objects.select_related("table")
    serializer_class = RateSerializer
    filterset_class = ApiRateFilterSet
