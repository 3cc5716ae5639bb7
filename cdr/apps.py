"""App configuration of cdr."""

from importlib import import_module

from django.apps import AppConfig


class CdrConfig(AppConfig):
    name = "cdr"

    def ready(self) -> None:
        import_module("cdr.handlers")
