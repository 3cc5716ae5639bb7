"""App configuration of the reports."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "cdr.reports"
    label = "reports"
