"""The settings that take part in a decision, read once where a process builds its snapshot."""

from django.conf import settings

from routing.snapshot import Policy


def current_policy() -> Policy:
    """Return the policy of this installation's environment."""
    return Policy(
        max_call_seconds=settings.MAX_CALL_SECONDS,
        reservation_seconds=settings.RESERVATION_SECONDS,
        business_time_zone=settings.BUSINESS_TIME_ZONE,
        not_registered_code=settings.SIP_NOT_REGISTERED_CODE,
    )
