"""System checks: mistakes that would otherwise wait for the first visitor."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from core.access import iterate_views, rule_of
from core.business_time import business_zone


@register
def every_view_declares_access(**kwargs: Any) -> list[CheckMessage]:
    """Name each address whose view has no access rule (core.E001)."""
    return [
        Error(
            f"The view at {address!r} declares no access rule.",
            hint="Set access = 'read', 'write', 'admin' or 'public' on the view, or core.access.declare_external().",
            obj=entry.callback,
            id="core.E001",
        )
        for address, entry in iterate_views()
        if rule_of(entry.callback) is None
    ]


@register
def business_time_zone_exists(**kwargs: Any) -> list[CheckMessage]:
    """Refuse a BUSINESS_TIME_ZONE by which no day could be told (core.E002)."""
    try:
        business_zone()
    except (KeyError, ValueError, OSError):
        return [
            Error(
                f"BUSINESS_TIME_ZONE is {settings.BUSINESS_TIME_ZONE!r}, which is no time zone here.",
                hint="Name one of the IANA database, such as Europe/Riga; Debian's package tzdata holds them.",
                id="core.E002",
            )
        ]
    return []
