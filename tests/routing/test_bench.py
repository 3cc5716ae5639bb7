"""bench/decide works: its database is what the portal's would be, and its questions are answered. Nothing is timed."""

from collections import Counter
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from accounts.models import Account
from bench import decide, inventory
from bench.evapi import SwitchEnd
from carriers.models import CarrierAccount
from dids.models import DID
from routing.loader import load_snapshot
from routing.snapshot import Policy
from tests.routing.processes import database_url

SIZE = inventory.Size(dids=40, networks=20, carriers=4, accounts=3, aliases=6)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_filled_database_is_loaded_and_its_calls_are_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(psycopg2.connect(database_url())) as connection:
        assert not inventory.holds(connection, SIZE)
        inventory.fill(connection, SIZE)
        assert inventory.holds(connection, SIZE)
    assert (DID.objects.count(), CarrierAccount.objects.count(), Account.objects.count()) == (40, 20, 3)
    # Every row has the version of the change that made it, as the triggers would have given it.
    with closing(psycopg2.connect(database_url())) as connection:
        config = load_snapshot(connection, Policy())
    assert {row.version for kind in inventory.TABLES for row in config.rows[kind].values()} == {config.version}

    calls = inventory.calls(database_url(), 100)
    decide.in_process(database_url(), calls)
    assert "read, evaluated, answered" in capsys.readouterr().out
    switch = SwitchEnd()
    switch.prepare(calls)
    try:
        with decide.decider(database_url(), tmp_path, switch) as process:
            switch.accept()
            assert len(switch.at_a_rate(500, 100)) == 100
            assert switch.verdicts == Counter(accepted=90, did_unknown=5, source_not_listed=5)
            assert switch.at_most(50) > 0
            assert len(decide.commit_to_force(switch, 2)) == 2
            assert switch.verdicts["did_suspended"] >= 1
            assert process.poll() is None
    finally:
        switch.close()
