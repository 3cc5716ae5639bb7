"""App configuration of rentals."""

from django.apps import AppConfig


class RentalsConfig(AppConfig):
    name = "dids.rentals"
    label = "rentals"

    def ready(self) -> None:
        """Keep numbers that were charged for from being deleted, and let the ledger's proof ask."""
        import dids.rentals.proofs  # noqa: F401 - registers itself
        from core.keepers import register_keeper
        from dids.models import DID
        from dids.rentals.selectors import charged_dids

        register_keeper(DID, charged_dids)
