"""Notes every access: who, from where, what, with what result, how long. Static files never get here."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from allauth.mfa.signals import authentication_failed
from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils import timezone

from core.client_address import client_address
from systemlog.access.results import AccessResult
from systemlog.access.shipper import spool

# A query value under such a name is never written down.
SECRET_NAMES = ("password", "token", "secret", "code", "key", "otp", "csrf", "session", "signature")
# The supervisor's and the monitor's own pulse, several a second at worst; nobody's access.
UNLOGGED_PATHS = frozenset({"/healthz", "/metrics"})


@dataclass
class _Happening:
    """What signals said about the request while it ran."""

    result: AccessResult | None = None
    user_id: int | None = None
    user_label: str = ""


def clean(text: str, length: int) -> str:
    """Return text without control characters, bounded: a log is read in terminals and stored in PostgreSQL."""
    return "".join(character if character.isprintable() else "�" for character in text[: length * 2])[:length]


def logged_path(request: HttpRequest) -> str:
    """Return path and query, secrets starred out, at most 512 characters."""
    query = request.META.get("QUERY_STRING", "")
    if not query:
        return clean(request.path, 512)
    pairs = [
        (name, "***" if any(secret in name.lower() for secret in SECRET_NAMES) else value)
        for name, value in parse_qsl(query[:4096], keep_blank_values=True)
    ]
    return clean(f"{request.path}?{urlencode(pairs, safe='*/:,+')}", 512)


class AccessLogMiddleware:
    """Outermost of ours, so that it sees the final answer to every request, refused and broken ones too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path in UNLOGGED_PATHS:
            return self.get_response(request)
        at, begun = timezone.now(), time.monotonic()
        happening = request._access = _Happening()  # type: ignore[attr-defined]
        response = self.get_response(request)
        # Never request.user itself: asking it here could be the query that waits for a database that is away.
        user = getattr(request, "_cached_user", None)
        if user is not None and user.is_authenticated and not happening.user_label:
            happening.user_id, happening.user_label = user.pk, user.get_username()
        if request.method == "POST" and not happening.user_label and _is_login(request):
            happening.user_label = request.POST.get("login", "")
        spool.append(
            {
                "at": at.isoformat(),
                "address": client_address(request),
                "user_id": happening.user_id,
                "user_label": clean(happening.user_label, 150),
                "method": clean(request.method or "", 8),
                "path": logged_path(request),
                "status": response.status_code,
                "result": str(happening.result or result_of(request, response)),
                "duration_ms": int((time.monotonic() - begun) * 1000),
                "user_agent": clean(request.META.get("HTTP_USER_AGENT", ""), 256),
            }
        )
        return response


def result_of(request: HttpRequest, response: HttpResponseBase) -> AccessResult:
    """Return what became of a request about which no signal spoke."""
    status = response.status_code
    if request.method == "POST" and status in (200, 429) and _is_login(request):
        # No attempt was made at all: allauth's limit refused it, or a field was empty.
        return AccessResult.LOGIN_REFUSED
    if request.method == "POST" and status == 302 and _is_login(request):
        # A login that is over is said by a signal; this one waits for the code of the authenticator.
        return AccessResult.CODE_ASKED
    if status in (301, 302):
        login = resolve_url(settings.LOGIN_URL)
        if response.headers.get("Location", "").startswith(login) and not request.path.startswith(login):
            return AccessResult.NOT_LOGGED_IN
    for found, statuses in (
        (AccessResult.NOT_LOGGED_IN, {401}),
        (AccessResult.FORBIDDEN, {403}),
        (AccessResult.NOT_FOUND, {404}),
        (AccessResult.THROTTLED, {429}),
    ):
        if status in statuses:
            return found
    if status >= 500:
        return AccessResult.ERROR
    return AccessResult.REFUSED if status >= 400 else AccessResult.OK


def _is_login(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is not None and match.view_name in {"account_login", "mfa_authenticate"}


def _note(request: HttpRequest | None, result: AccessResult, user: Any = None, label: str = "") -> None:
    happening: _Happening | None = getattr(request, "_access", None)
    if happening is None:
        return
    happening.result = result
    if user is not None:
        happening.user_id, happening.user_label = user.pk, user.get_username()
    else:
        happening.user_label = label


def _on_login(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    _note(request, AccessResult.LOGIN, user)


def _on_logout(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    _note(request, AccessResult.LOGOUT, user)


def _on_failure(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    _note(request, AccessResult.LOGIN_FAILED, label=str(credentials.get("username", "")))


def _on_wrong_code(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    _note(request, AccessResult.LOGIN_FAILED, label=user.get_username())


authentication_failed.connect(_on_wrong_code, dispatch_uid="access_log_wrong_code")
user_logged_in.connect(_on_login, dispatch_uid="access_log_login")
user_logged_out.connect(_on_logout, dispatch_uid="access_log_logout")
user_login_failed.connect(_on_failure, dispatch_uid="access_log_failure")
