"""Lookups of our own."""

from collections.abc import Iterable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Lookup
from django.db.models.sql.compiler import SQLCompiler


@Field.register_lookup
class AnyOf(Lookup):
    """``column__any=values`` finds what ``column__in=values`` finds, by one parameter, an array.

    For hundreds of values: of an IN list Django prepares, psycopg2 quotes and PostgreSQL parses each by itself. Values
    are given as they read in SQL, without NULL.

    The array is of the column's type without its length or scale: a cast to these would cut values, and find others.
    """

    lookup_name = "any"
    prepare_rhs = False

    def __init__(self, lhs: Any, rhs: Iterable[object]) -> None:
        super().__init__(lhs, [str(value) for value in rhs])

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        """Return the condition and its parameters."""
        column, parameters = self.process_lhs(compiler, connection)
        type_ = (self.lhs.output_field.cast_db_type(connection) or "").partition("(")[0]
        return f"{column} = ANY(%s::{type_}[])", (*parameters, self.rhs)
