"""App configuration of routing."""

from importlib import import_module

from django.apps import AppConfig


class RoutingConfig(AppConfig):
    name = "routing"

    def ready(self) -> None:
        import_module("routing.handlers")
