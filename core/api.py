"""What all endpoints of the configuration API share: who may, which rows, and refusals as problem details.

People's sessions authenticate it, with the CSRF token on every change; switches have endpoints of their own.
"""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS
from django.core.exceptions import ValidationError as ModelValidationError
from django.db import transaction
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import serializers, viewsets
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from core.access import Access, allows
from core.amounts import PLAIN
from core.fields import MoneyField
from core.models import User


class UserSession(SessionAuthentication):
    """A signed-in user's session; unlike its base it tells a stranger 401, not 403."""

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return 'Session realm="voipbilling"'


class UserSessionScheme(OpenApiAuthenticationExtension):
    """How the API's description tells of the session."""

    target_class = "core.api.UserSession"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return a cookie; changes also need the header X-CSRFToken."""
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


class RolePermission(BasePermission):
    """What the role may: all read, operators and administrators write."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Ask the same rule as the pages do."""
        if not request.user:
            return False
        rule = Access.READ if request.method in SAFE_METHODS else getattr(view, "access_unsafe", Access.WRITE)
        return allows(request.user, rule)


class IdPagination(CursorPagination):
    """Rows in the order of their ids: no count, no offset, and a page never moves under its reader."""

    page_size = 100
    page_size_query_param = "per_page"
    max_page_size = 1000
    ordering = "id"


class AmountField(serializers.DecimalField):
    """An exact amount, read as forms read it: Python itself would also take 1_000 or 1e3."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_digits": 18, "decimal_places": 6, **kwargs})

    def to_internal_value(self, data: Any) -> Any:
        """Refuse a text that is no plain decimal."""
        if isinstance(data, str) and data.strip() and not PLAIN.fullmatch(data.strip()):
            self.fail("invalid")
        return super().to_internal_value(data)


class PortalSerializer(serializers.ModelSerializer):
    """A serializer that reads and describes; the viewset's service writes and checks.

    A model's own uniqueness is left to the service, whose words name the row that is in the way.
    """

    serializer_field_mapping = serializers.ModelSerializer.serializer_field_mapping | {MoneyField: AmountField}

    def get_unique_together_validators(self) -> list[Any]:
        """Return none."""
        return []


class PortalViewSet(viewsets.GenericViewSet):
    """Base of all viewsets; a service's ValidationError becomes a problem with its fields."""

    # The session is checked here, where a refusal is a problem and not a log-in page.
    access = Access.TOKEN
    authentication_classes = [UserSession]
    permission_classes = [RolePermission]
    pagination_class = IdPagination
    filter_backends = [DjangoFilterBackend]
    lookup_value_converter = "int"
    body_limit = 1024 * 1024

    @property
    def actor(self) -> User:
        """Return who asks; RolePermission has let nobody but users through."""
        user: Any = self.request.user
        return user

    def filter_queryset(self, queryset: Any) -> Any:
        """Filter lists only: what a list leaves out unless it is asked for (archived rows) has its address still."""
        return queryset if self.detail else super().filter_queryset(queryset)

    def handle_exception(self, exc: Exception) -> Response:
        """Translate the words of services and models."""
        if isinstance(exc, ModelValidationError):
            exc = ValidationError(problem_fields(exc))
        return super().handle_exception(exc)

    def valid(self, request: Request, *, partial: bool = False, instance: Any = None) -> dict[str, Any]:
        """Return the validated values of a request's body."""
        serializer = self.get_serializer(instance, data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def shown(self, instance: Any, status: int = 200, **extra: Any) -> Response:
        """Return a row as it stands now, read again with what the list shows beside its own columns."""
        fresh = self.get_queryset().get(pk=instance.pk)
        return Response(self.get_serializer(fresh).data | extra, status=status)


class WriteMixin(PortalViewSet):
    """Create, change and delete by services: give ``create_row``, ``update_row`` and ``delete_row``."""

    def create_row(self, values: dict[str, Any]) -> Any:
        """Create a row."""
        raise NotImplementedError

    def update_row(self, instance: Any, values: dict[str, Any]) -> Any:
        """Change a row."""
        raise NotImplementedError

    def delete_row(self, instance: Any) -> None:
        """Delete a row."""
        raise NotImplementedError

    @transaction.atomic
    def create(self, request: Request) -> Response:
        """Add a row."""
        return self.shown(self.create_row(self.valid(request)), status=201)

    @transaction.atomic
    def partial_update(self, request: Request, pk: int) -> Response:
        """Change the given fields of a row."""
        instance = self.get_object()
        values = self.valid(request, partial=True, instance=instance)
        return self.shown(self.update_row(instance, values))

    @transaction.atomic
    def destroy(self, request: Request, pk: int) -> Response:
        """Delete a row that nothing depends on."""
        self.delete_row(self.get_object())
        return Response(status=204)


def problem_fields(error: ModelValidationError) -> Mapping[str, list[str]]:
    """Return a model's or service's ValidationError as fields with their messages."""
    key = api_settings.NON_FIELD_ERRORS_KEY
    if not hasattr(error, "error_dict"):
        return {key: error.messages}
    return {key if name == NON_FIELD_ERRORS else name: messages for name, messages in error.message_dict.items()}


class PaymentSerializer(serializers.Serializer):
    """A payment; the same ``idempotency_key`` twice is one payment."""

    amount = AmountField()
    note = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    idempotency_key = serializers.CharField(max_length=80)
