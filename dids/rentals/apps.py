"""App configuration of rentals."""

from django.apps import AppConfig


class RentalsConfig(AppConfig):
    name = "dids.rentals"
    label = "rentals"
