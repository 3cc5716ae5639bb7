"""App configuration of rentals."""

from django.apps import AppConfig


class RentalsConfig(AppConfig):
    name = "dids.rentals"
    label = "rentals"

    def ready(self) -> None:
        """Keep numbers that were charged for from being deleted."""
        from dids.keepers import register_keeper
        from dids.rentals.selectors import charged_dids

        register_keeper(charged_dids)
