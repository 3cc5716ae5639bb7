"""App configuration of dids."""

from django.apps import AppConfig


class DidsConfig(AppConfig):
    name = "dids"

    def ready(self) -> None:
        """Make known what bulk changes of DIDs there are."""
        from core.jobs.kinds import register_kind
        from dids import bulk_changes, imports

        register_kind(imports.DIDImport)
        for kind in bulk_changes.KINDS:
            register_kind(kind)
