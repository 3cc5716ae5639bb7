"""Ask for the SIP messages of the next call to a DID or an alias."""

from typing import Any

from django.db import IntegrityError, transaction

from core.history import acting
from routing.models import TraceRequest


def open_request(kind: str, object_id: int) -> TraceRequest | None:
    """Return the request that waits for a call, if there is one."""
    return (
        TraceRequest.objects.filter(kind=kind, object_id=object_id, fulfilled_at__isnull=True)
        .select_related("requested_by")
        .first()
    )


def last_trace(kind: str, object_id: int) -> TraceRequest | None:
    """Return the last request that a call fulfilled."""
    return (
        TraceRequest.objects.filter(kind=kind, object_id=object_id, fulfilled_at__isnull=False)
        .order_by("-fulfilled_at")
        .first()
    )


def request_trace(kind: str, object_id: int, *, actor: Any) -> bool:
    """Ask for a trace of the next call; return False where somebody asked already."""
    try:
        with transaction.atomic(), acting(actor):
            TraceRequest.objects.create(kind=kind, object_id=object_id, requested_by=actor)
    except IntegrityError:
        return False
    return True


def cancel_trace(kind: str, object_id: int, *, actor: Any) -> bool:
    """Take the wish back; return False where there was none (any more)."""
    with transaction.atomic(), acting(actor):
        deleted, _ = TraceRequest.objects.filter(kind=kind, object_id=object_id, fulfilled_at__isnull=True).delete()
    return bool(deleted)
