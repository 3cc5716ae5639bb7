"""History of configuration rows: every insert, update and delete, with who and when, kept by triggers."""

from typing import Any

import pghistory


def tracked(**kwargs: Any) -> Any:
    """Return the decorator that keeps every version of a model's rows in an event table (django-pghistory)."""
    return pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent(), **kwargs)


def acting(actor: Any, **more: Any) -> Any:
    """Return the context in which every change is put down to ``actor`` (None: no person), with what else counts."""
    return pghistory.context(user=actor.pk if actor else None, **more)
