"""What every template knows beside its view's context."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

THEMES = ("auto", "light", "dark")


def portal(request: HttpRequest) -> dict[str, Any]:
    """Return theme, clock, switch name, and whether all of it is a demo.

    The theme is a cookie, so that the very first byte of a page has the right colours; "auto" follows the system by
    a script in the head.
    """
    theme = request.COOKIES.get("theme", "auto")
    if theme not in THEMES:
        theme = "auto"
    user = getattr(request, "user", None)
    own_zone = user.time_zone if user is not None and user.is_authenticated else "UTC"
    zone = timezone.get_current_timezone_name()
    return {
        "theme": theme,
        "theme_attribute": "dark" if theme == "dark" else "light",
        "zone_name": zone,
        "own_zone_name": own_zone,
        "other_zone_name": own_zone if zone == "UTC" else "UTC",
        "switch_name": settings.SWITCH_NAME,
        "demo": settings.DEMO,
    }
