"""What every request brings with it: the reader's clock, the actor behind a change, and a password that must go."""

import zoneinfo
from collections.abc import Callable

import pghistory
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from core.access import SAFE_METHODS
from core.client_address import client_address

Next = Callable[[HttpRequest], HttpResponseBase]


class TimeZoneMiddleware:
    """Show times in the user's zone, or in UTC where they switched to it."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        user = request.user
        if user.is_authenticated and not user.show_utc:
            try:
                zone = zoneinfo.ZoneInfo(user.time_zone)
            except (zoneinfo.ZoneInfoNotFoundError, ValueError):
                zone = zoneinfo.ZoneInfo("UTC")
            with timezone.override(zone):
                return self._rendered(request)
        with timezone.override("UTC"):
            return self._rendered(request)

    def _rendered(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)


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
