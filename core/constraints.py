"""Which constraint PostgreSQL says was violated, for services that explain a lost race to the person who lost it."""

from django.db import DatabaseError

DEADLOCK_DETECTED = "40P01"


def violated_constraint(error: DatabaseError) -> str:
    """Return the name of the constraint an IntegrityError is about, or nothing."""
    diagnostics = getattr(error.__cause__, "diag", None)
    return getattr(diagnostics, "constraint_name", None) or ""


def is_deadlock(error: DatabaseError) -> bool:
    """Tell whether PostgreSQL ended this transaction to break a deadlock."""
    return getattr(error.__cause__, "pgcode", None) == DEADLOCK_DETECTED
