"""App configuration of the System Log."""

from importlib import import_module

from django.apps import AppConfig


class SyslogConfig(AppConfig):
    # Not "syslog": Debian's Python has the standard library's module of that name built in, found before any folder.
    name = "systemlog"
    label = "syslog"

    def ready(self) -> None:
        for module in ("systemlog.switch_log", "systemlog.reconcile", "systemlog.record_space"):
            import_module(module)
