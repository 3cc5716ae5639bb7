"""App configuration of invoices."""

from importlib import import_module

from django.apps import AppConfig


class InvoicesConfig(AppConfig):
    name = "cdr.invoices"
    label = "invoices"

    def ready(self) -> None:
        import_module("cdr.invoices.proofs")
