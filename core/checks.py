"""System checks: mistakes that would otherwise wait for the first visitor."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from core.access import iterate_views, rule_of


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
