"""Users of the portal and the heartbeats of its processes."""

import zoneinfo

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models

from core.addresses import page_address
from core.choices import Role
from core.history import tracked


def validate_time_zone(name: str) -> None:
    """Raise ValidationError unless ``name`` is a zone of the IANA database."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError("%(name)s is not a time zone, such as Europe/Riga.", params={"name": name})


@tracked(exclude=["password", "last_login"])
class User(AbstractUser):
    """A person who logs in to the portal; ``role`` alone says what they may do."""

    role = models.CharField(max_length=16, choices=Role, default=Role.SUPPORT)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    show_utc = models.BooleanField("show times in UTC", default=False)
    must_change_password = models.BooleanField(
        default=False, editable=False, help_text="The password was generated and is to be replaced at the next login."
    )

    class Meta(AbstractUser.Meta):
        ordering = ["username"]

    def get_absolute_url(self) -> str:
        return page_address("core:user_detail", self.pk)

    @property
    def is_administrator(self) -> bool:
        return self.role == Role.ADMINISTRATOR

    @property
    def may_write(self) -> bool:
        """Whether this user may change carriers, clients, DIDs and products, and take payments."""
        return self.role in {Role.ADMINISTRATOR, Role.OPERATOR}


class Heartbeat(models.Model):
    """The last sign of life of one process; a process is alive while this is younger than 5 s."""

    name = models.CharField(max_length=64, primary_key=True)
    kind = models.CharField(max_length=32)
    beat_at = models.DateTimeField()
    started_at = models.DateTimeField()
    config_version = models.BigIntegerField(null=True, help_text="The configuration version in force in this process.")
    details = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name
