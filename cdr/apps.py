"""App configuration of cdr."""

from django.apps import AppConfig


class CdrConfig(AppConfig):
    name = "cdr"
