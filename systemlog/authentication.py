"""Who a switch is, when it speaks HTTP: one token per switch, of which only a digest is stored."""

import hashlib
import hmac
import secrets
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from systemlog.models import Switch

# "Token" is what switch/CONTRACT.md shows; "Bearer" what most clients send without being asked.
SCHEMES = {b"bearer", b"token"}
TOKEN_BYTES = 32


def new_token() -> tuple[str, str]:
    """Return a random token and its digest; the token is shown once and kept nowhere."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return token, token_digest(token)


def token_digest(token: str) -> str:
    """Return the SHA-256 of a token. A token of 256 random bits needs neither salt nor slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def switch_of_token(token: str) -> Switch | None:
    """Return the enabled switch that owns a token; every digest is compared, each in constant time."""
    digest = token_digest(token)
    found = None
    for switch in Switch.objects.filter(enabled=True).exclude(token_digest=""):
        if hmac.compare_digest(switch.token_digest, digest):
            found = switch
    return found


class SwitchUser:
    """The requester of an API call made by a switch; no person, without any permission of one."""

    is_authenticated = True
    is_active = True
    is_anonymous = False
    pk = None

    def __init__(self, switch: Switch) -> None:
        self.switch = switch

    def __str__(self) -> str:
        return f"switch {self.switch.name}"


class SwitchTokenAuthentication(BaseAuthentication):
    """Read ``Authorization: Token <token>`` (or ``Bearer``); ``request.auth`` is the Switch."""

    def authenticate(self, request: Request) -> tuple[Any, Switch] | None:
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() not in SCHEMES:
            return None
        try:
            switch = switch_of_token(token.strip().decode("ascii"))
        except UnicodeDecodeError:
            switch = None
        if switch is None:
            raise exceptions.AuthenticationFailed("This token belongs to no switch, or its switch is disabled.")
        return SwitchUser(switch), switch

    def authenticate_header(self, request: Request) -> str:
        return 'Token realm="voipbilling"'


class SwitchTokenScheme(OpenApiAuthenticationExtension):
    """How the API's description shows the token."""

    target_class = SwitchTokenAuthentication
    name = "switchToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token <token of the switch>`; Settings › Switches gives one, shown once.",
        }


def authenticated_switch(request: Request) -> Switch:
    """Return the switch that a request with IsSwitch comes from."""
    assert isinstance(request.auth, Switch)
    return request.auth


class IsSwitch(BasePermission):
    """Only a switch with its token."""

    message = "Only a switch with its token may do this."

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, Switch)
