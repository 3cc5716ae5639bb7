"""App configuration of core."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        """Register the system checks, the lookups and the rules of other packages' views."""
        from core import checks, lookups, trigger_functions  # noqa: F401 - registering is what their import does
        from core.access import Access, declare_external

        for view in ("account.views.LoginView", "account.views.AccountInactiveView", "mfa.base.views.AuthenticateView"):
            declare_external(f"allauth.{view}", Access.PUBLIC)
        for view in (
            "account.views.LogoutView",
            "account.views.PasswordChangeView",
            "account.views.ReauthenticateView",
        ):
            declare_external(f"allauth.{view}", Access.READ, Access.READ)
        # A second factor is each user's own business; allauth asks for the password again.
        declare_external("allauth.mfa.*", Access.READ, Access.READ)
        post_migrate.connect(trigger_functions.install, sender=self, dispatch_uid="trigger_functions")
