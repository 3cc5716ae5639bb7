"""Let the product's services act at a time gone by, so that the demo's configuration has a history."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

import pghistory.models
from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone


@contextmanager
def as_of(at: dt.datetime) -> Iterator[None]:
    """Do what the body does as if it were ``at``: in one transaction, whose traces in the histories are dated back.

    For a database that nothing else writes to meanwhile. Services ask Django for the time, triggers the database.
    """
    asked = timezone.now
    with transaction.atomic():
        before = _newest()
        timezone.now = lambda: at
        try:
            yield
        finally:
            timezone.now = asked
        with connection.cursor() as cursor:
            # The versions of the configuration are drawn by deferred triggers: draw them now.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table, column, key in _dated():
                cursor.execute(f'UPDATE "{table}" SET "{column}" = %s WHERE {key} > %s', [at, before[table]])  # noqa: S608
            cursor.execute(
                "UPDATE pghistory_context SET created_at = %s, updated_at = %s "
                "WHERE created_at >= transaction_timestamp()",
                [at, at],
            )


def _dated() -> list[tuple[str, str, str]]:
    """Return table, time column and key of everything that a trigger writes about a change."""
    histories = [
        (model._meta.db_table, "pgh_created_at", "pgh_id")
        for model in apps.get_models()
        # "AggregateEvent" and its like are views over all histories.
        if issubclass(model, pghistory.models.Event) and not model._meta.proxy and model._meta.managed
    ]
    return [*histories, ("routing_configversion", "at", "id")]


def _newest() -> dict[str, int]:
    newest = {}
    with connection.cursor() as cursor:
        for table, _, key in _dated():
            cursor.execute(f'SELECT coalesce(max({key}), 0) FROM "{table}"')  # noqa: S608
            newest[table] = cursor.fetchone()[0]
    return newest
