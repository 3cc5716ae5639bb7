"""Rental plans over HTTP."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from billing.api import SavedRowMixin
from core.api import PortalSerializer
from dids.plans.filters import PlanFilterSet
from dids.plans.models import RentalPlan
from dids.plans.services import archive_plan, delete_plan, save_plan


class RentalPlanSerializer(PortalSerializer):
    """What a number costs by the month; ``side`` and ``currency`` stay."""

    class Meta:
        model = RentalPlan
        fields = (
            "id",
            "name",
            "side",
            "currency",
            "setup_fee",
            "monthly_fee",
            "first_period",
            "free_days",
            "is_default",
            "carrier",
            "country",
            "archived_at",
        )
        read_only_fields = ("archived_at",)


class RentalPlanViewSet(SavedRowMixin):
    """What numbers cost by the month, bought from carriers and sold to accounts."""

    model, argument = RentalPlan, "plan"
    save, remove = staticmethod(save_plan), staticmethod(delete_plan)
    queryset = RentalPlan.objects.none()
    serializer_class = RentalPlanSerializer
    filterset_class = PlanFilterSet

    def get_queryset(self) -> QuerySet[RentalPlan]:
        """Return plans; the list leaves archived ones out unless they are asked for."""
        return RentalPlan.objects.select_related("carrier__balance")

    @extend_schema(request=None, responses=RentalPlanSerializer)
    @action(detail=True, methods=["post"], serializer_class=Serializer)
    def archive(self, request: Request, pk: int) -> Response:
        """Offer a plan for no more numbers; those which have it keep it."""
        return self._archived(self.get_object(), True)

    @extend_schema(request=None, responses=RentalPlanSerializer)
    @action(detail=True, methods=["post"], serializer_class=Serializer)
    def restore(self, request: Request, pk: int) -> Response:
        """Offer an archived plan again."""
        return self._archived(self.get_object(), False)

    def _archived(self, plan: RentalPlan, archived: bool) -> Response:
        return Response(RentalPlanSerializer(archive_plan(actor=self.actor, plan=plan, archived=archived)).data)
