"""App configuration of billing."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        """Make known the import of rates."""
        from billing.imports import RateImport
        from core.jobs.kinds import register_kind

        register_kind(RateImport)
