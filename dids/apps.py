"""App configuration of dids."""

from django.apps import AppConfig


class DidsConfig(AppConfig):
    name = "dids"
