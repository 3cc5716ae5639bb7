"""Lost races: which constraint PostgreSQL says was violated, what was archived meanwhile, in words for who lost."""

from django.core.exceptions import ValidationError
from django.db import DatabaseError
from django.db.models import Model

DEADLOCK_DETECTED = "40P01"


def violated_constraint(error: DatabaseError) -> str:
    """Return the name of the constraint an IntegrityError is about, or nothing."""
    diagnostics = getattr(error.__cause__, "diag", None)
    return getattr(diagnostics, "constraint_name", None) or ""


def is_deadlock(error: DatabaseError) -> bool:
    """Tell whether PostgreSQL ended this transaction to break a deadlock."""
    return getattr(error.__cause__, "pgcode", None) == DEADLOCK_DETECTED


def refuse_archived(row: Model | None, field: str) -> None:
    """Raise ValidationError beside ``field`` where ``row`` is archived by now.

    Called once another row of this transaction refers to it: who archives locks the row, and waits for that reference.
    """
    if row is not None and type(row)._base_manager.filter(pk=row.pk, archived_at__isnull=False).exists():
        raise ValidationError({field: f"{row} is archived: take it back first."})
