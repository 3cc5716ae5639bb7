"""App configuration of invoices."""

from django.apps import AppConfig


class InvoicesConfig(AppConfig):
    name = "cdr.invoices"
    label = "invoices"
