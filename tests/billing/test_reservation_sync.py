"""Which questions for funds wait for the disk: who wrote an answer does, who only repeats one does not."""

import json
from typing import Any

import pytest
from django.db import connection, transaction

from billing.models import FreeSeconds
from tests.billing.metering import BEYOND, QUANTUM, a_balance, ask, bucket, leg

FUNCTIONS = ("metering_reserve", "metering_reserve_free")


def synced(function: str, *calls: dict[str, Any]) -> bool:
    """Ask in a transaction of its own; tell whether its commit waits for the disk."""
    with transaction.atomic(), connection.cursor() as cursor:
        # The tests' own server does not sync.
        cursor.execute("SET LOCAL synchronous_commit TO on")
        cursor.execute(f"SELECT * FROM {function}(%s::jsonb, %s, %s)", [json.dumps(calls), QUANTUM, BEYOND])
        cursor.execute("SHOW synchronous_commit")
        return bool(cursor.fetchone()[0] != "off")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_who_wrote_nothing_does_not_wait_for_the_disk(function: str) -> None:
    """What was let in, refused, or counted as free, is on disk before anybody acts on it."""
    balance, poor = a_balance("1"), a_balance("0")
    taken, refused = ask(leg(balance)), ask(leg(poor))
    free = ask(leg(balance, free=bucket(600)))
    for call in (taken, refused, free):
        assert synced(function, call), "it wrote an answer"
        assert not synced(function, call), "it repeats one"
    assert not synced(function, taken, refused, free)
    assert synced(function, taken, ask(leg(balance)), refused), "one of them is new"
    assert synced(function, refused, ask(leg(poor))), "one of them is newly refused"
    assert synced(function, ask(leg(balance))), "the same connection's next transaction waits again"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_repeat_that_made_a_month_of_free_seconds_waits_for_the_disk(function: str) -> None:
    """A decider that knows a newer price finds the other's answer only after it has made the month's row.

    The other's answer is made visible in that moment by a trigger of the table.
    """
    call = ask(leg(a_balance("1"), free=bucket(600)))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""CREATE FUNCTION pg_temp.answer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO metering_meteredcall (attempt_id, switch, started_at, refused, lacking, seconds, max_seconds)
            VALUES ('{call["attempt"]}', 'sw1', now(), false, '', 60, 60);
            RETURN NULL; END $$;
            CREATE TRIGGER answer AFTER INSERT ON billing_freeseconds EXECUTE FUNCTION pg_temp.answer()"""
        )
    try:
        assert synced(function, call)
        assert FreeSeconds.objects.count() == 1
        assert not synced(function, call)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER answer ON billing_freeseconds")
