"""DIDs over HTTP: added, mapped, unmapped, moved; all of a request or none of it."""

from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Alias
from billing.rate_fields import PRICE_FIELDS
from carriers.models import Carrier
from core.api import PortalSerializer, WriteMixin
from core.jobs.api import JobSerializer
from core.jobs.rows import MAX_ROWS
from core.jobs.services import start_choice
from core.preview import digest_of
from dids.bulk import add_dids, plan_list
from dids.bulk_changes import BY_VERB
from dids.filters import DIDFilterSet
from dids.models import DID, DIDPrice
from dids.plans.choices import RentalSide
from dids.plans.selectors import plans_offered
from dids.prices import remove_did_price, save_did_price
from dids.quarantine import quarantine_days
from dids.selectors import dids_with_holders, sip_target
from dids.services import (
    delete_dids,
    map_dids,
    move_dids,
    release_dids,
    resume_dids,
    retire_dids,
    suspend_dids,
    unmap_dids,
    update_did,
)

MOST = 10_000


class DIDSerializer(PortalSerializer):
    """A DID: its E.164 digits, whose it is, whom it rings, and what the provider maps it to."""

    sip_target = serializers.SerializerMethodField()
    alias_username = serializers.CharField(source="alias.username", default=None, read_only=True)
    account = serializers.IntegerField(source="alias.account_id", default=None, read_only=True)

    class Meta:
        model = DID
        fields = (
            "id",
            "number",
            "provider_number",
            "carrier",
            "state",
            "state_since",
            "alias",
            "alias_username",
            "account",
            "country",
            "area",
            "call_limit",
            "notes",
            "sip_target",
            "bought_plan",
            "sold_plan",
        )
        read_only_fields = ("number", "carrier", "state", "state_since", "alias", "country")

    def get_sip_target(self, did: DID) -> str:
        """Return sip:number@address of the switch."""
        return sip_target(did, settings.SIP_ADDRESS, settings.SIP_PORT)


class DIDPriceSerializer(PortalSerializer):
    """A DID's own price: what the account it rings pays for its calls, instead of by its product."""

    class Meta:
        model = DIDPrice
        fields = ("currency", *PRICE_FIELDS, "free_seconds")


class AddDIDsSerializer(serializers.Serializer):
    """Numbers as people write them, singly or as ranges ("+44 20 7946 0010 - 0019")."""

    carrier = serializers.PrimaryKeyRelatedField(queryset=Carrier.objects.all())
    numbers = serializers.ListField(child=serializers.CharField(max_length=100), min_length=1, max_length=MOST)
    region = serializers.CharField(max_length=2, required=False, default="", allow_blank=True)


class PlannedSerializer(serializers.Serializer):
    """What became, or would become, of one number."""

    text = serializers.CharField()
    number = serializers.CharField()
    outcome = serializers.CharField(help_text="add, warn (added, unusual), same (already there), refuse.")
    message = serializers.CharField()


class ChosenSerializer(serializers.Serializer):
    """DIDs by id."""

    dids = serializers.ListField(child=serializers.IntegerField(), min_length=1, max_length=MOST)


class MapSerializer(ChosenSerializer):
    """DIDs and the alias they are to ring."""

    alias = serializers.PrimaryKeyRelatedField(queryset=Alias.objects.select_related("account"))
    sold_plan = serializers.PrimaryKeyRelatedField(
        queryset=plans_offered(RentalSide.SOLD),
        required=False,
        allow_null=True,
        default=None,
        help_text="Rental plan for mapping; by default each number's own, else the default plan.",
    )


class UnmapSerializer(ChosenSerializer):
    """DIDs that are to ring nobody."""

    quarantine = serializers.BooleanField(
        default=lambda: quarantine_days() > 0, help_text="Rest for DID_QUARANTINE_DAYS; else available at once."
    )


class ReleaseSerializer(ChosenSerializer):
    """DIDs to make available; retired ones need a ``reason``, and an administrator's ends a quarantine early."""

    reason = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class BulkSerializer(serializers.Serializer):
    """One step for many DIDs: those named, or all that the list's filters find (``{"state": "mapped"}``)."""

    action = serializers.ChoiceField(choices=sorted(BY_VERB))
    dids = serializers.ListField(child=serializers.IntegerField(), required=False, max_length=MAX_ROWS)
    filter = serializers.DictField(child=serializers.CharField(), required=False)
    alias = serializers.PrimaryKeyRelatedField(queryset=Alias.objects.all(), required=False, help_text="For map.")
    quarantine = serializers.BooleanField(default=lambda: quarantine_days() > 0, help_text="For unmap.")
    reason = serializers.CharField(
        max_length=200,
        required=False,
        default="",
        help_text="For release, by an administrator: ends quarantines early, and brings back retired numbers.",
    )
    sold_plan = serializers.PrimaryKeyRelatedField(
        queryset=plans_offered(RentalSide.SOLD), required=False, allow_null=True, help_text="For plans; null: none."
    )
    bought_plan = serializers.PrimaryKeyRelatedField(
        queryset=plans_offered(RentalSide.BOUGHT), required=False, allow_null=True, help_text="For plans; null: none."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ask for what the step needs."""
        if ("dids" in attrs) == ("filter" in attrs):
            raise ValidationError({"dids": ["Name DIDs, or give a filter; one of the two."]})
        if attrs["action"] == "map" and "alias" not in attrs:
            raise ValidationError({"alias": ["Say which alias these numbers are to ring."]})
        if attrs["action"] == "plans" and not {"sold_plan", "bought_plan"} & set(attrs):
            raise ValidationError({"sold_plan": ["Name a plan of one side at least, or null for none."]})
        return attrs


class DIDViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, WriteMixin):
    """The inventory of DID numbers."""

    queryset = DID.objects.none()
    serializer_class = DIDSerializer
    filterset_class = DIDFilterSet

    def get_queryset(self) -> QuerySet[DID]:
        """Return DIDs with their holders."""
        return dids_with_holders()

    @extend_schema(request=AddDIDsSerializer, responses={201: PlannedSerializer(many=True)})
    @transaction.atomic
    def create(self, request: Request) -> Response:
        """Add DIDs to a carrier. If one is no number or another carrier's, none is added; the answer names it."""
        serializer = AddDIDsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        plan = plan_list(
            carrier=values["carrier"], text="\n".join(values["numbers"]), default_region=values["region"].upper()
        )
        refused = [row for row in plan if row.outcome == "refuse"]
        if refused:
            raise ValidationError({"numbers": [row.message for row in refused]})
        add_dids(actor=self.actor, carrier=values["carrier"], plan=plan, previewed=digest_of(plan))
        return Response(PlannedSerializer(plan, many=True).data, status=201)

    def update_row(self, instance: DID, values: dict[str, Any]) -> DID:
        """Change a DID's own fields."""
        return update_did(actor=self.actor, did=instance, **values)

    def delete_row(self, instance: DID) -> None:
        """Delete a DID that rings nobody."""
        delete_dids(actor=self.actor, did_ids=[instance.pk])

    def _answer(self, dids: list[DID]) -> Response:
        rows = self.get_queryset().filter(pk__in=[did.pk for did in dids]).order_by("number")
        return Response(DIDSerializer(rows, many=True, context=self.get_serializer_context()).data)

    @extend_schema(responses=DIDPriceSerializer)
    @action(detail=True, methods=["get"], serializer_class=DIDPriceSerializer, pagination_class=None)
    def price(self, request: Request, pk: int) -> Response:
        """Return a DID's own price; 404 where its account's product prices it."""
        return Response(DIDPriceSerializer(get_object_or_404(DIDPrice, did=self.get_object())).data)

    @extend_schema(request=DIDPriceSerializer, responses=DIDPriceSerializer)
    @price.mapping.put
    def set_price(self, request: Request, pk: int) -> Response:
        """Give a DID its own price, or change it."""
        price = save_did_price(actor=self.actor, did=self.get_object(), **self.valid(request))
        return Response(DIDPriceSerializer(price).data)

    @extend_schema(responses={204: None})
    @price.mapping.delete
    def remove_price(self, request: Request, pk: int) -> Response:
        """Take a DID's own price away; its account's product prices it then."""
        remove_did_price(actor=self.actor, did=self.get_object())
        return Response(status=204)

    @extend_schema(request=MapSerializer, responses=DIDSerializer(many=True), filters=False)
    @action(detail=False, methods=["post"], serializer_class=MapSerializer, pagination_class=None)
    def map(self, request: Request) -> Response:
        """Map available DIDs to an alias: all of them or none."""
        values = self.valid(request)
        alias = values["alias"]
        return self._answer(
            map_dids(
                actor=self.actor,
                did_ids=values["dids"],
                alias=alias,
                account=alias.account,
                sold_plan=values["sold_plan"],
            )
        )

    @extend_schema(request=MapSerializer, responses=DIDSerializer(many=True), filters=False)
    @action(detail=False, methods=["post"], serializer_class=MapSerializer, pagination_class=None)
    def move(self, request: Request) -> Response:
        """Let DIDs ring another alias of their account: all of them or none."""
        values = self.valid(request)
        alias = values["alias"]
        return self._answer(move_dids(actor=self.actor, did_ids=values["dids"], alias=alias, account=alias.account))

    @extend_schema(request=UnmapSerializer, responses=DIDSerializer(many=True), filters=False)
    @action(detail=False, methods=["post"], serializer_class=UnmapSerializer, pagination_class=None)
    def unmap(self, request: Request) -> Response:
        """Take DIDs from their aliases: all of them or none."""
        values = self.valid(request)
        return self._answer(unmap_dids(actor=self.actor, did_ids=values["dids"], quarantine=values["quarantine"]))

    @extend_schema(request=BulkSerializer, responses={201: JobSerializer}, filters=False)
    @action(detail=False, methods=["post"], serializer_class=BulkSerializer, pagination_class=None)
    def bulk(self, request: Request) -> Response:
        """Prepare one step for many DIDs in the background; ``POST bulk-changes/{id}/apply/`` then takes it."""
        values = self.valid(request)
        reason = values["reason"].strip()
        if reason and not self.actor.is_administrator:
            raise PermissionDenied(
                "Only an administrator ends quarantines early, and brings back retired numbers in bulk."
            )
        if "filter" in values:
            found = DIDFilterSet(values["filter"], queryset=DID.objects.all(), request=request)
            if not found.is_valid():
                raise ValidationError({"filter": [f"{name}: {' '.join(e)}" for name, e in found.errors.items()]})
            if unknown := set(values["filter"]) - set(found.filters):
                raise ValidationError({"filter": [f"There is no filter {', '.join(sorted(unknown))}."]})
            ids: Iterable[int] = found.qs.values_list("pk", flat=True)[: MAX_ROWS + 1]
        else:
            ids = values["dids"]
        job = start_choice(
            actor=self.actor,
            kind=BY_VERB[values["action"]],
            ids=ids,
            options=_bulk_options(values, reason),
            noun="DIDs",
        )
        job.refresh_from_db()
        return Response(JobSerializer(job, context=self.get_serializer_context()).data, status=201)

    def _change(self, request: Request, service: Callable[..., list[DID]]) -> Response:
        return self._answer(service(actor=self.actor, did_ids=self.valid(request)["dids"]))

    @extend_schema(request=ChosenSerializer, responses=DIDSerializer(many=True), filters=False)
    @action(detail=False, methods=["post"], serializer_class=ChosenSerializer, pagination_class=None)
    def suspend(self, request: Request) -> Response:
        """Stop calls to DIDs."""
        return self._change(request, suspend_dids)

    @extend_schema(request=ChosenSerializer, responses=DIDSerializer(many=True), filters=False)
    @action(detail=False, methods=["post"], serializer_class=ChosenSerializer, pagination_class=None)
    def resume(self, request: Request) -> Response:
        """Put suspended DIDs back into service."""
        return self._change(request, resume_dids)

    @extend_schema(request=ReleaseSerializer, responses=DIDSerializer(many=True), filters=False)
    @action(detail=False, methods=["post"], serializer_class=ReleaseSerializer, pagination_class=None)
    def release(self, request: Request) -> Response:
        """Make DIDs available that have rested or, for a reason, were retired."""
        values = self.valid(request)
        return self._answer(release_dids(actor=self.actor, did_ids=values["dids"], reason=values["reason"]))

    @extend_schema(request=ChosenSerializer, responses=DIDSerializer(many=True), filters=False)
    @action(detail=False, methods=["post"], serializer_class=ChosenSerializer, pagination_class=None)
    def retire(self, request: Request) -> Response:
        """Take DIDs out of service."""
        return self._change(request, retire_dids)


def _bulk_options(values: dict[str, Any], reason: str) -> dict[str, Any]:
    """Return what a bulk step needs to know beside the numbers."""
    action = values["action"]
    if action == "map":
        return {"alias": values["alias"].pk}
    if action == "unmap":
        return {"quarantine": values["quarantine"]}
    if action == "release":
        return {"reason": reason} if reason else {}
    if action == "plans":
        chosen = {name: values[name] for name in ("sold_plan", "bought_plan") if name in values}
        return {name: plan.pk if plan else None for name, plan in chosen.items()}
    return {}
