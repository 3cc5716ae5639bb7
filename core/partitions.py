"""Time-partitioned tables: how a migration makes one and how its monthly partitions come to be.

Django knows no partitioning. ``CreatePartitionedModel`` takes the statement Django would run and makes the table
``PARTITION BY RANGE``; PostgreSQL then wants the partition column inside every unique key, so the primary key
becomes (pk, column). Rows outside every month land in the default partition and are never refused.
"""

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any

from django.db import connection, migrations

MONTHS_AHEAD = 3


class CreatePartitionedModel(migrations.CreateModel):
    """A CreateModel whose table is partitioned by month of the timestamp column ``partition_by``."""

    def __init__(self, name: str, fields: Any, partition_by: str, **kwargs: Any) -> None:
        self.partition_by = partition_by
        super().__init__(name, fields, **kwargs)

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        name, args, kwargs = super().deconstruct()
        return name, args, {**kwargs, "partition_by": self.partition_by}

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Create the table, its deferred indexes, the default partition and the months around now."""
        model = to_state.apps.get_model(app_label, self.name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        sql, params = schema_editor.table_sql(model)
        pk = schema_editor.quote_name(model._meta.pk.column)
        column = schema_editor.quote_name(self.partition_by)
        sql, replaced = re.subn(r"\bPRIMARY KEY\b", "", sql, count=1)
        if not replaced:
            raise ValueError(f"{self.name}: no single-column primary key to extend with {self.partition_by}")
        sql = f"{sql.rstrip()[:-1]}, PRIMARY KEY ({pk}, {column})) PARTITION BY RANGE ({column})"
        schema_editor.execute(sql, params or None)
        schema_editor.deferred_sql.extend(schema_editor._model_indexes_sql(model))
        table = model._meta.db_table
        schema_editor.execute(f'CREATE TABLE "{table}_default" PARTITION OF "{table}" DEFAULT')
        for statement in month_statements(table, dt.datetime.now(dt.UTC)):
            schema_editor.execute(statement)


def month_statements(table: str, now: dt.datetime, ahead: int = MONTHS_AHEAD) -> list[str]:
    """Return the statements that make the partitions of this month and the ``ahead`` following ones."""
    statements = []
    year, month = now.year, now.month
    for _ in range(ahead + 1):
        next_year, next_month = (year + 1, 1) if month == 12 else (year, month + 1)
        statements.append(
            f'CREATE TABLE IF NOT EXISTS "{table}_{year}_{month:02d}" PARTITION OF "{table}" '
            f"FOR VALUES FROM ('{year}-{month:02d}-01 00:00+00') TO ('{next_year}-{next_month:02d}-01 00:00+00')"
        )
        year, month = next_year, next_month
    return statements


def partitioned_tables() -> list[str]:
    """Return the names of the partitioned tables of this database's current schema."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'p' AND relnamespace = current_schema()::regnamespace"
        )
        return [name for (name,) in cursor.fetchall()]


def ensure_partitions(now: dt.datetime) -> None:
    """Create the coming months' partitions of every partitioned table; run daily by beat, harmless when repeated."""
    with connection.cursor() as cursor:
        for table in partitioned_tables():
            for statement in month_statements(table, now):
                cursor.execute(statement)
