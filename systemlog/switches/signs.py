"""What each switch's last sign of life says: whether it lives, where it is, how many calls it has now."""

import datetime as dt

from django.db.models import (
    BooleanField,
    Case,
    CharField,
    F,
    IntegerField,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast
from django.utils import timezone

from core.models import Heartbeat
from systemlog.models import Switch

ALIVE = dt.timedelta(seconds=5)


def with_signs(switches: QuerySet[Switch]) -> QuerySet[Switch]:
    """Add ``alive`` (None for a switch that gives no signs of life), ``address``, ``live_calls`` and ``beat_at``."""
    beats = Heartbeat.objects.filter(name=OuterRef("name"), kind="switch")
    calls = KeyTextTransform("all", KeyTransform("calls", "details"))
    return switches.annotate(
        beat_at=Subquery(beats.values("beat_at")[:1]),
        address=Subquery(beats.values(word=KeyTextTransform("address", "details"))[:1], output_field=CharField()),
        handed_on=Subquery(beats.values(n=Cast(KeyTextTransform("handed_on", "details"), IntegerField()))[:1]),
        dialogs=Subquery(beats.values(n=Cast(calls, IntegerField()))[:1]),
        in_force=Subquery(beats.values("config_version")[:1]),
    ).annotate(
        alive=Case(
            When(beat_at__isnull=True, then=Value(None)),
            When(beat_at__gt=timezone.now() - ALIVE, then=Value(True)),
            default=Value(False),
            output_field=BooleanField(null=True),
        ),
        live_calls=F("dialogs") - F("handed_on"),
    )
