"""Counts of related rows beside each row of a list, without joins that multiply one relation by another."""

from typing import Any

from django.db.models import Count, IntegerField, Model, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce


def related_count(model: type[Model], relation: str, path: str = "", leave_out: Q | None = None) -> Coalesce:
    """Return an expression that counts, for each row, the rows of the reverse ``relation`` of ``model``.

    ``path`` is the way from a counted row back to the row counted for, where it is longer than the relation itself
    ("alias__account"); rows that meet ``leave_out`` do not count. A subquery per row shown: PostgreSQL counts for one
    page of a list, never for the whole table.
    """
    field: Any = model._meta.get_field(relation)
    back = path or field.field.name
    rows = field.related_model._default_manager.filter(**{back: OuterRef("pk")}).order_by().values(back)
    if leave_out is not None:
        rows = rows.exclude(leave_out)
    return Coalesce(Subquery(rows.annotate(rows=Count("pk")).values("rows")), Value(0), output_field=IntegerField())
