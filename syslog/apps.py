"""App configuration of syslog."""

from django.apps import AppConfig


class SyslogConfig(AppConfig):
    name = "syslog"
