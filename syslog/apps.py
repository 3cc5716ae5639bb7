"""App configuration of syslog."""

from importlib import import_module

from django.apps import AppConfig


class SyslogConfig(AppConfig):
    name = "syslog"

    def ready(self) -> None:
        import_module("syslog.switch_log")
