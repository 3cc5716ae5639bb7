"""App configuration of outgoing mail."""

from django.apps import AppConfig


class MailConfig(AppConfig):
    name = "systemlog.mail"
    label = "mail"
