"""Time-partitioned tables: how a migration makes one and how its monthly partitions come to be.

Django knows no partitioning. ``CreatePartitionedModel`` takes the statement Django would run and makes the table
``PARTITION BY RANGE``; PostgreSQL then wants the partition column inside every unique key, so the primary key
becomes (pk, column). Rows outside every month land in the default partition and are never refused.
"""

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import IntegrityError, connection, migrations, transaction

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


Month = tuple[str, str, str]  # the name's ending, the first instant, and the first instant of the next month


def months(now: dt.datetime, ahead: int = MONTHS_AHEAD) -> Iterator[Month]:
    """Yield this month and the ``ahead`` following ones."""
    year, month = now.year, now.month
    for _ in range(ahead + 1):
        next_year, next_month = (year + 1, 1) if month == 12 else (year, month + 1)
        yield (
            f"{year}_{month:02d}",
            f"{year}-{month:02d}-01 00:00+00",
            f"{next_year}-{next_month:02d}-01 00:00+00",
        )
        year, month = next_year, next_month


def month_statements(table: str, now: dt.datetime, ahead: int = MONTHS_AHEAD) -> list[str]:
    """Return the statements that make the partitions of this month and the ``ahead`` following ones."""
    return [_month_statement(table, month) for month in months(now, ahead)]


def _month_statement(table: str, month: Month, storage: str = "") -> str:
    name, first, following = month
    return (
        f'CREATE TABLE IF NOT EXISTS "{table}_{name}" PARTITION OF "{table}" '
        f"FOR VALUES FROM ('{first}') TO ('{following}') {storage}"
    )


def set_fillfactor(table: str, percent: int) -> None:
    """Leave room in the pages of every partition, those to come too, for the next versions of their rows.

    An update that finds room beside the old version, and changes no indexed column, touches no index.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [table])
        for (partition,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {partition} SET (fillfactor = {int(percent)})")


def storage_of(table: str) -> str:
    """Return the clause that gives a new partition the storage parameters of the default one, which has them first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = %s::regclass", [f"{table}_default"]
        )
        found = cursor.fetchone()[0]
    return f"WITH ({found})" if found else ""


def partitioned_tables() -> list[tuple[str, str]]:
    """Return name and partition column of the partitioned tables of this database's current schema."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, attname FROM pg_class JOIN pg_partitioned_table ON partrelid = pg_class.oid "
            "JOIN pg_attribute ON attrelid = pg_class.oid AND attnum = partattrs[0] "
            "WHERE relnamespace = current_schema()::regnamespace ORDER BY relname"
        )
        return cursor.fetchall()


def ensure_partitions(now: dt.datetime) -> None:
    """Create the coming months' partitions of every partitioned table; run daily by beat, harmless when repeated.

    Rows that came before their month was made, from a switch whose clock ran ahead or after months without this task,
    wait in the default partition and move into the new one.
    """
    for table, column in partitioned_tables():
        storage = storage_of(table)
        for month in months(now):
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(_month_statement(table, month, storage))
            except IntegrityError:
                _make_month_of_waiting_rows(table, column, month, storage)


def _make_month_of_waiting_rows(table: str, column: str, month: Month, storage: str) -> None:
    name, first, following = month
    with transaction.atomic(), connection.cursor() as cursor:
        # Nothing may come into the default partition between the move and the attachment.
        cursor.execute(f'LOCK TABLE "{table}" IN SHARE ROW EXCLUSIVE MODE')
        cursor.execute(
            f'CREATE TABLE "{table}_{name}" (LIKE "{table}" INCLUDING DEFAULTS INCLUDING CONSTRAINTS) {storage}'
        )
        cursor.execute(
            f'WITH moved AS (DELETE FROM "{table}_default" WHERE "{column}" >= %s AND "{column}" < %s RETURNING *) '  # noqa: S608
            f'INSERT INTO "{table}_{name}" SELECT * FROM moved',
            [first, following],
        )
        cursor.execute(
            f'ALTER TABLE "{table}" ATTACH PARTITION "{table}_{name}" FOR VALUES FROM (%s) TO (%s)', [first, following]
        )
