"""Two functions that every history trigger calls for each row, as django-pgtrigger and -pghistory make them, but quick.

Theirs find an unset parameter by the exception it raises. Each exception ends a subtransaction, and its end walks
through all deferred triggers that wait in the transaction: the thousandth row costs more than the first, and 100,000
rows took minutes where they now take seconds. These ask for the parameter in the way that raises nothing; and a context
that this transaction has stored already is not stored again for each row.
"""

from typing import Any

from django.db import connections

SHOULD_IGNORE = """
CREATE OR REPLACE FUNCTION _pgtrigger_should_ignore(trigger_name name) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    ignored text := current_setting('pgtrigger.ignore', true);
BEGIN
    RETURN coalesce(ignored, '') <> '' AND trigger_name = ANY(ignored::text[]);
END $$;
"""
# The note that a context is stored goes with the transaction, or with the savepoint that stored it.
ATTACH_CONTEXT = """
CREATE OR REPLACE FUNCTION _pgh_attach_context() RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    context_id text := current_setting('pghistory.context_id', true);
    metadata text := current_setting('pghistory.context_metadata', true);
BEGIN
    IF coalesce(context_id, '') = '' OR coalesce(metadata, '') = '' THEN
        RETURN NULL;
    END IF;
    IF current_setting('voipbilling.stored_context', true) IS DISTINCT FROM context_id || metadata THEN
        INSERT INTO pghistory_context (id, metadata, created_at, updated_at)
            VALUES (context_id::uuid, metadata::jsonb, now(), now())
            ON CONFLICT (id) DO UPDATE SET metadata = EXCLUDED.metadata, updated_at = EXCLUDED.updated_at
                WHERE pghistory_context.metadata != EXCLUDED.metadata;
        PERFORM set_config('voipbilling.stored_context', context_id || metadata, true);
    END IF;
    RETURN context_id::uuid;
END $$;
"""


def install(*, using: str, **kwargs: Any) -> None:
    """Put them in place of the packages' own, after every migrate: each trigger that one makes brings those back."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_proc WHERE proname IN ('_pgtrigger_should_ignore', '_pgh_attach_context')"
        )
        if cursor.fetchone()[0] == 2:
            cursor.execute(SHOULD_IGNORE + ATTACH_CONTEXT)
