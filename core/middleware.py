"""What every request brings with it: the reader's clock, the actor behind a change, and a password that must go."""

import zoneinfo
from collections.abc import Callable
from typing import Any

import pghistory
import structlog
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django_structlog.signals import bind_extra_request_metadata

from core.access import SAFE_METHODS
from core.client_address import client_address

Next = Callable[[HttpRequest], HttpResponseBase]


class TimeZoneMiddleware:
    """Show times in the user's zone, or in UTC where they switched to it."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with timezone.override(zone_of(request.user)):
            return self.get_response(request)


def zone_of(user: Any) -> zoneinfo.ZoneInfo:
    """Return the zone in which a user reads times; UTC for strangers and where the zone is no longer known."""
    if user.is_authenticated and not user.show_utc:
        try:
            return zoneinfo.ZoneInfo(user.time_zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            pass
    return zoneinfo.ZoneInfo("UTC")


def _bind_address(request: HttpRequest, **kwargs: Any) -> None:
    structlog.contextvars.bind_contextvars(ip=client_address(request))


# django-structlog would believe any X-Forwarded-For.
bind_extra_request_metadata.connect(_bind_address, dispatch_uid="client_address")


class ActorMiddleware:
    """Write who, from where and on which page into the history of every row a request changes."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method in SAFE_METHODS:
            return self.get_response(request)
        user = request.user
        with pghistory.context(
            user=user.pk if user.is_authenticated else None,
            username=user.get_username() if user.is_authenticated else "",
            address=client_address(request),
            url=request.path[:512],
        ):
            return self.get_response(request)


class PasswordChangeMiddleware:
    """Send a user whose password was generated to the page that changes it, before anything else."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        user = request.user
        if user.is_authenticated and user.must_change_password:
            page = reverse("account_change_password")
            allowed = {page, reverse("account_logout"), reverse("account_reauthenticate"), reverse("core:healthz")}
            if request.path not in allowed and not request.path.startswith("/api/"):
                return HttpResponseRedirect(page)
        return self.get_response(request)
