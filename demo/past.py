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

    For a database that nothing else has written to since then, or what it wrote would be dated back, too: so the rows
    that migrations made get a time before their first use. Services ask Django for the time, triggers the database.
    """
    asked = timezone.now
    with transaction.atomic():
        timezone.now = lambda: at
        try:
            yield
        finally:
            timezone.now = asked
        with connection.cursor() as cursor:
            # The versions of the configuration are drawn by deferred triggers: draw them now.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table, column in _dated():
                cursor.execute(f'UPDATE "{table}" SET "{column}" = %s WHERE "{column}" > %s', [at, at])  # noqa: S608
            # Rentals begin and end by triggers, too; what falls due later stays.
            for column in ("since", "until", "next_due_at"):
                cursor.execute(f"UPDATE rentals_rentalterm SET {column} = %s WHERE {column} = now()", [at])  # noqa: S608


def _dated() -> list[tuple[str, str]]:
    """Return table and time column of everything that a trigger writes about a change."""
    histories = [
        (model._meta.db_table, "pgh_created_at")
        for model in apps.get_models()
        # Proxies and unmanaged ones are views over all histories.
        if issubclass(model, pghistory.models.Event) and not model._meta.proxy and model._meta.managed
    ]
    return [*histories, ("pghistory_context", "created_at"), ("routing_configversion", "at")]
