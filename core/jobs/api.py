"""Bulk changes over HTTP: a file is uploaded, its preview read, and then applied as it stands, or not."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import PortalSerializer, PortalViewSet
from core.jobs.choices import LineOutcome
from core.jobs.filters import JobFilterSet, LineFilterSet
from core.jobs.kinds import KINDS, ImportKind, validate_options
from core.jobs.models import Job, Line
from core.jobs.running import progress_of
from core.jobs.services import ask_apply, ask_undo, discard, read_again, start_import, too_large
from core.jobs.upload import upload_too_large
from core.parsers import BoundedJSONParser
from core.problems import BodyTooLarge


class JobSerializer(PortalSerializer):
    """A bulk change: where it stands, how many lines do what, and how far a worker is."""

    created_by = serializers.CharField(source="created_by.username", read_only=True)
    progress = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields = (
            "id", "kind", "source", "state", "state_since", "counts", "error", "format", "columns", "header",
            "progress", "created_by", "created_at", "applied_at", "undone_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_progress(self, job: Job) -> dict[str, Any] | None:
        """Return what a worker is doing, and how much of it is done; null while none is at it."""
        return progress_of(job.pk) if job.working else None


class LineSerializer(PortalSerializer):
    """One line and what applying does with it; ``before`` and ``after`` hold the columns that change."""

    class Meta:
        model = Line
        fields = ("line", "key", "outcome", "message", "before", "after")


class UploadSerializer(serializers.Serializer):
    """A file, its kind, that kind's options (of DIDs: ``carrier``, ``region``), and where its columns are."""

    file = serializers.FileField(allow_empty_file=True)
    kind = serializers.CharField(max_length=40)
    columns = serializers.JSONField(
        required=False, help_text='Position in the file by column, {"number": 0}; by the head\'s words where left out.'
    )

    def validate_kind(self, value: str) -> str:
        """Accept kinds that read files."""
        if not isinstance(KINDS.get(value), ImportKind):
            known = ", ".join(kind.name for kind in KINDS.values() if isinstance(kind, ImportKind))
            raise ValidationError(f"There is no such import; there is: {known}.")
        return value

    def validate_columns(self, value: Any) -> dict[str, int]:
        """Accept positions by name."""
        if not isinstance(value, dict) or not all(type(at) is int and 0 <= at < 1000 for at in value.values()):
            raise ValidationError('Write positions by column, {"number": 0, "alias": 3}.')
        return value


class JobViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, PortalViewSet):
    """Bulk changes; each is previewed before it is applied."""

    queryset = Job.objects.none()
    serializer_class = JobSerializer
    filterset_class = JobFilterSet
    parser_classes = [MultiPartParser, BoundedJSONParser]

    def get_queryset(self) -> QuerySet[Job]:
        """Return jobs with who started them."""
        return Job.objects.select_related("created_by")

    @extend_schema(request={"multipart/form-data": UploadSerializer}, responses={201: JobSerializer})
    def create(self, request: Request) -> Response:
        """Upload a file; a worker reads it and works out what each of its rows does."""
        data = request.data
        if upload_too_large(request._request):
            raise BodyTooLarge(too_large())
        serializer = UploadSerializer(data=data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        kind: Any = KINDS[values["kind"]]
        columns = values.get("columns") or {}
        if unknown := set(columns) - {column.name for column in kind.columns}:
            raise ValidationError({"columns": [f"There is no column {', '.join(sorted(unknown))}."]})
        job = start_import(
            actor=self.actor,
            kind=kind.name,
            file_name=values["file"].name,
            content=values["file"].read(),
            options=validate_options(kind, request._request.POST.dict()),
            columns=columns,
        )
        return self.shown(job, status=201)

    @extend_schema(
        responses=LineSerializer(many=True),
        parameters=[
            OpenApiParameter("outcome", str, enum=[outcome.value for outcome in LineOutcome]),
            OpenApiParameter("q", str, description="Part of a number or of a reason."),
        ],
    )
    @action(detail=True, methods=["get"], serializer_class=LineSerializer, filter_backends=[])
    def lines(self, request: Request, pk: int) -> Response:
        """List what each line does; ``?outcome=refused`` finds those that are left out."""
        found = LineFilterSet(request.query_params, queryset=Line.objects.filter(job=self.get_object()))
        if not found.is_valid():
            raise ValidationError({name: list(errors) for name, errors in found.errors.items()})
        page = self.paginate_queryset(found.qs)
        return self.get_paginated_response(LineSerializer(page, many=True).data)

    @extend_schema(request=None, responses=JobSerializer)
    @action(detail=True, methods=["post"])
    def apply(self, request: Request, pk: int) -> Response:
        """Apply what the preview says: all of it, or, where something changed since, nothing."""
        return self.shown(ask_apply(self.get_object(), actor=self.actor))

    @extend_schema(request=None, responses=JobSerializer)
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: int) -> Response:
        """Put back what it changed, unless any of it has changed since."""
        return self.shown(ask_undo(self.get_object(), actor=self.actor))

    @extend_schema(request=None, responses=JobSerializer)
    @action(detail=True, methods=["post"])
    def preview(self, request: Request, pk: int) -> Response:
        """Work out anew what it does."""
        return self.shown(read_again(self.get_object(), actor=self.actor))

    def destroy(self, request: Request, pk: int) -> Response:
        """Throw away one that has changed nothing."""
        discard(self.get_object(), actor=self.actor)
        return Response(status=204)
