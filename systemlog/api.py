"""Events over HTTP, for a switch that reaches no Redis (switch/CONTRACT.md, section 6)."""

import json
from functools import lru_cache
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from redis.exceptions import RedisError
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.problems import NotAvailable
from systemlog.authentication import IsSwitch, SwitchTokenAuthentication
from systemlog.events import MAX_EVENT_BYTES, InvalidEvent, event_of
from systemlog.stream import EventStream

MOST_EVENTS = 1000


class EventSerializer(serializers.Serializer):
    """The envelope of an event; the fields of its type stand beside it (switch/CONTRACT.md, section 2)."""

    v = serializers.IntegerField(help_text="1.")
    attempt = serializers.UUIDField(help_text="The switch's name for the attempt that the event belongs to.")
    type = serializers.CharField(help_text="attempt, decision, ringing, answer, end, registration, flood, trace.")
    seq = serializers.IntegerField(help_text="Numbers the events of one type of one attempt, from 0.")
    at = serializers.CharField(help_text='Epoch seconds of the event, such as "1795418480.747285".')
    started = serializers.CharField(help_text="Epoch seconds of the attempt; the same in all of its events.")


class TakenSerializer(serializers.Serializer):
    """How many events are now in the stream."""

    taken = serializers.IntegerField()


class SwitchEventsView(APIView):
    """Take a switch's events into the stream, from which the worker takes them as it does every other switch's."""

    access = "token"
    authentication_classes = [SwitchTokenAuthentication]
    permission_classes = [IsSwitch]
    body_limit = 4 * 1024 * 1024

    @extend_schema(
        operation_id="report_switch_events",
        summary="Report what happened on a switch",
        description=(
            "One event or a list of up to 1000. 202: all of them are safe; anything else: none is, repeat them all. "
            "Repeats do no harm. `switch` is always the token's own, whatever the event says."
        ),
        request=EventSerializer(many=True),
        responses={
            202: TakenSerializer,
            400: OpenApiResponse(description="An event breaks the contract; `errors` says which and how."),
            401: OpenApiResponse(description="No token, or that of no enabled switch."),
            413: OpenApiResponse(description="More than 4 MiB."),
            503: OpenApiResponse(description="The stream is away: repeat later."),
        },
        examples=[
            OpenApiExample(
                "The end of a refused call",
                request_only=True,
                value=[
                    {
                        "v": 1, "attempt": "57c9e038-5ad6-4b2e-8a8e-0d5f5f9a3f10", "type": "end", "seq": 0,
                        "at": "1795418480.749001", "started": "1795418480.747285",
                        "reason": "did_unknown", "sip": 404, "q850": 1, "by": "switch",
                    }
                ],
            )
        ],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Put valid events into the stream; all or none."""
        lines = read_events(request.data, request.auth.name)  # type: ignore[union-attr]
        try:
            event_stream().add(lines)
        except RedisError as error:
            raise NotAvailable("The event stream is away: keep the events and repeat them.") from error
        return Response({"taken": len(lines)}, status=202)


def read_events(data: Any, switch: str) -> list[str]:
    """Return the stream's lines for one event or a list; raise ValidationError that names each bad one."""
    events = data if isinstance(data, list) else [data]
    if len(events) > MOST_EVENTS:
        raise serializers.ValidationError({"events": [f"At most {MOST_EVENTS} at once."]})
    lines, errors = [], {}
    for index, event in enumerate(events):
        try:
            if not isinstance(event, dict):
                raise InvalidEvent("not a JSON object")
            own = {**event, "switch": switch}
            event_of(own)
            line = json.dumps(own, separators=(",", ":"))
            if len(line) > MAX_EVENT_BYTES:
                raise InvalidEvent(f"more than {MAX_EVENT_BYTES} bytes")
            lines.append(line)
        except InvalidEvent as error:
            errors[str(index)] = [str(error)]
    if errors:
        raise serializers.ValidationError(errors)
    return lines


@lru_cache(maxsize=1)
def event_stream() -> EventStream:
    """Return this process's connection pool to the stream."""
    return EventStream("api")
