"""How allauth behaves here: no sign-up, our notion of the client's address, generated passwords that must go."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from core.client_address import client_address


class AccountAdapter(DefaultAccountAdapter):
    """Users are made by administrators only."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False: nobody signs up."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that rate limits count, behind trusted proxies only as TRUSTED_PROXIES allows."""
        address = client_address(request)
        if address is None:
            raise PermissionDenied("The client's address is unknown.")
        return address

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Lead on to the portal: the page of the password itself has no menu, and nothing is left to do there."""
        return "/"

    def set_password(self, user: Any, password: str) -> None:
        """Set a password its user chose, which ends the duty to change a generated one."""
        user.must_change_password = False
        super().set_password(user, password)
