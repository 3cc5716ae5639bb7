"""The decision over HTTP, for a switch that is no Kamailio (switch/CONTRACT.md, section 6)."""

import datetime as dt
import ipaddress
from typing import Any

from django.db import DatabaseError
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.problems import NotAvailable
from routing.answers import answer
from routing.covers import NoCall, cover, reserve
from routing.decider.funds import Held
from routing.decision import MAX_TEXT, Decision, InboundAttempt, event_microseconds
from routing.judging import judge_now
from routing.store import snapshots
from systemlog.authentication import IsSwitch, SwitchTokenAuthentication, authenticated_switch

DECIDER = "api"


class CallSerializer(serializers.Serializer):
    """One initial INVITE. Strings from the network may hold anything; longer than 256 characters is refused."""

    attempt = serializers.UUIDField(help_text="The switch's name for this attempt.")
    at = serializers.CharField(max_length=32, help_text='Epoch seconds, such as "1795418480.747285".')
    # Fields named as the base class's own attributes: DRF collects declared fields and leaves the attributes alone.
    source = serializers.CharField(max_length=64, help_text="Address the INVITE came from.")  # type: ignore[assignment]
    port = serializers.IntegerField(min_value=0, max_value=65535, default=0)
    transport = serializers.CharField(max_length=8, default="", allow_blank=True)
    received_on = serializers.CharField(max_length=MAX_TEXT, default="", allow_blank=True)
    ruri = serializers.CharField(max_length=MAX_TEXT, allow_blank=True, trim_whitespace=False, help_text="Request-URI.")
    to_uri = serializers.CharField(max_length=MAX_TEXT, default="", allow_blank=True, trim_whitespace=False)
    p_called_party_id = serializers.CharField(max_length=MAX_TEXT, default="", allow_blank=True, trim_whitespace=False)
    from_uri = serializers.CharField(max_length=MAX_TEXT, default="", allow_blank=True, trim_whitespace=False)
    call_id = serializers.CharField(max_length=MAX_TEXT, default="", allow_blank=True, trim_whitespace=False)
    user_agent = serializers.CharField(max_length=MAX_TEXT, default="", allow_blank=True, trim_whitespace=False)

    def validate_at(self, value: str) -> str:
        """Refuse what is no instant."""
        try:
            event_microseconds(value)
        except (ValueError, ArithmeticError):
            raise serializers.ValidationError("Epoch seconds, such as 1795418480.747285.") from None
        return value

    def validate_source(self, value: str) -> str:
        """Refuse what is no address: a switch knows whom it talks to."""
        try:
            ipaddress.ip_address(value)
        except ValueError:
            raise serializers.ValidationError("An IPv4 or IPv6 address, without a port.") from None
        return value


class DecisionRequestSerializer(serializers.Serializer):
    """A question whether a call may come in."""

    call = CallSerializer()


class DecisionSerializer(serializers.Serializer):
    """The answer. What is not known is left out; the limits are there exactly when the switch has to count calls."""

    accept = serializers.IntegerField(help_text="1: yes, 0: no.")
    reason = serializers.CharField(help_text='"accepted", or why not; for the record, not for the caller.')
    sip = serializers.IntegerField(help_text="Code for the caller.")
    phrase = serializers.CharField(help_text="Generic phrase for the caller.")
    q850 = serializers.IntegerField()
    category = serializers.CharField()
    version = serializers.IntegerField(help_text="Configuration version judged by; comes back in the decision event.")
    decider = serializers.CharField()
    facts = serializers.DictField(help_text="Opaque; comes back in the decision event.")
    trace = serializers.IntegerField(help_text="1: record this call's SIP messages.")
    number = serializers.CharField(required=False, help_text="The DID in E.164 digits.")
    alias = serializers.CharField(required=False, help_text="SIP user name to ring.")
    alias_id = serializers.IntegerField(required=False)
    account_id = serializers.IntegerField(required=False)
    did_id = serializers.IntegerField(required=False)
    carrier_id = serializers.IntegerField(required=False)
    carrier_account_id = serializers.IntegerField(required=False)
    max_seconds = serializers.IntegerField(required=False)
    covered_seconds = serializers.IntegerField(
        required=False, help_text="The call is paid for so long: end it then, unless a cover says more."
    )
    limit_carrier_account = serializers.IntegerField(required=False, help_text="-1: none; 0: no calls.")
    limit_did = serializers.IntegerField(required=False)
    limit_account = serializers.IntegerField(required=False)


class ProblemSerializer(serializers.Serializer):
    """Problem details (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = serializers.DictField(required=False)  # type: ignore[assignment]


PROBLEM = OpenApiResponse(ProblemSerializer, description="Problem details (RFC 9457).")


class InboundDecisionView(APIView):
    """Say whether a call may come in."""

    access = "token"
    authentication_classes = [SwitchTokenAuthentication]
    permission_classes = [IsSwitch]
    body_limit = 16 * 1024

    @extend_schema(
        operation_id="decide_inbound_call",
        summary="May this call come in?",
        request=DecisionRequestSerializer,
        responses={200: DecisionSerializer, 400: PROBLEM, 401: PROBLEM, 413: PROBLEM, 503: PROBLEM},
        examples=[
            OpenApiExample(
                "A call",
                request_only=True,
                value={
                    "call": {
                        "attempt": "57c9e038-5ad6-4b2e-8a8e-0d5f5f9a3f10",
                        "at": "1795418480.747285",
                        "source": "203.0.113.5",
                        "ruri": "sip:442079460018@192.0.2.1",
                    }
                },
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Judge one call with the newest committed configuration."""
        asked = DecisionRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(decide(asked.validated_data["call"], authenticated_switch(request).name))


class CoverRequestSerializer(serializers.Serializer):
    """A paid call that was answered."""

    attempt = serializers.UUIDField()
    answered = serializers.CharField(max_length=32, help_text='Epoch seconds, such as "1795418483.120011".')

    def validate_answered(self, value: str) -> dt.datetime:
        """Refuse what is no instant."""
        try:
            return dt.datetime.fromtimestamp(event_microseconds(value) / 10**6, dt.UTC)
        except (ValueError, ArithmeticError, OSError):
            raise serializers.ValidationError("Epoch seconds, such as 1795418483.120011.") from None


class CoverSerializer(serializers.Serializer):
    """Until when a call is paid for."""

    attempt = serializers.UUIDField()
    until = serializers.CharField(help_text="Epoch seconds, by the switch's clock: end the call then.")
    covered_seconds = serializers.IntegerField(help_text="The same, from the answer on.")
    lacking = serializers.CharField(help_text='"account" or "carrier" where that leg cannot pay for more, else "".')


class InboundCoverView(APIView):
    """Say how long a paid call may go on."""

    access = "token"
    authentication_classes = [SwitchTokenAuthentication]
    permission_classes = [IsSwitch]
    body_limit = 1024

    @extend_schema(
        operation_id="cover_inbound_call",
        summary="How long is this call paid for?",
        request=CoverRequestSerializer,
        responses={200: CoverSerializer, 400: PROBLEM, 401: PROBLEM, 404: PROBLEM, 503: PROBLEM},
    )
    def post(self, request: Request) -> Response:
        """Note the answer and set more aside where the cover ends soon; asked again some seconds before it does."""
        asked = CoverRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            return Response(cover(authenticated_switch(request).name, **asked.validated_data))
        except NoCall as error:
            raise NotFound(str(error)) from error
        except DatabaseError as error:
            raise NotAvailable("The database is away: ask again.") from error


def decide(call: dict[str, Any], switch: str) -> dict[str, Any]:
    """Return the flat answer for a validated call; raise NotAvailable while the database is away."""
    attempt = InboundAttempt.from_call(call, switch)
    try:
        held = Held()

        def hold(decision: Decision) -> dict[str, bool | None]:
            nonlocal held
            held = reserve(attempt, decision)
            return held.funds(decision.reserve)

        with snapshots.at() as config:
            decision = judge_now(attempt, config, hold=hold)
            flat = answer(decision, config.policy, DECIDER)
        if decision.accept and decision.reserve:
            flat["covered_seconds"] = held.covered_seconds
    except DatabaseError as error:
        raise NotAvailable("The database is away: refuse the call with 503.") from error
    del flat["op"]
    return flat
