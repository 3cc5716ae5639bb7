"""What a bulk change wrote is what a real decider says to the next call; a released number rings nobody."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.jobs.models import Job
from core.jobs.services import ask_apply, ask_undo, start_choice
from core.jobs.tasks import run_job
from core.models import User
from dids.models import DID
from dids.services import end_quarantines, map_dids
from tests.inventory import a_user, an_account, an_alias
from tests.routing.operator import a_call, a_mapped_did
from tests.routing.processes import DeciderProcess, decider, eventually

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def did() -> DID:
    return a_mapped_did()


@pytest.fixture
def running(did: DID, tmp_path: Path) -> Iterator[DeciderProcess]:
    """A decider that has the mapped DID in force."""
    with decider("decider-1", tmp_path) as process:
        yield process.ready()


def says(process: DeciderProcess, reason: str, alias: str) -> None:
    """Wait until a call is decided so, and never for desk-101 where that is not meant."""

    def decided() -> bool:
        answer = process.switch.ask(a_call())
        return (answer["reason"], answer.get("alias", "")) == (reason, alias)

    eventually(decided)


def applied(actor: User, verb: str, did: DID, **options: Any) -> Job:
    """Apply one step to one DID as a bulk change."""
    job = start_choice(actor=actor, kind=f"dids-{verb}", ids=[did.pk], options=options, noun="DIDs")
    run_job(job.pk)
    ask_apply(job, actor=actor)
    run_job(job.pk)
    job.refresh_from_db()
    assert job.state == "applied", job.error
    return job


def test_a_released_number_never_rings_its_old_owner(did: DID, running: DeciderProcess) -> None:
    actor = a_user()
    says(running, "accepted", "desk-101")
    applied(actor, "unmap", did, quarantine=True)
    says(running, "did_quarantined", "")
    DID.objects.update(state_since="2020-01-01T00:00Z")
    assert end_quarantines() == 1
    says(running, "did_not_mapped", "")
    account = an_account(actor, "Workshop", "Cogs Ltd")
    map_dids(actor=actor, did_ids=[did.pk], alias=an_alias(actor, account, "bench-1"), account=account)
    says(running, "accepted", "bench-1")


def test_a_suspension_in_bulk_and_its_undoing_count_for_the_next_call(did: DID, running: DeciderProcess) -> None:
    actor = a_user()
    job = applied(actor, "suspend", did)
    says(running, "did_suspended", "")
    ask_undo(job, actor=actor)
    run_job(job.pk)
    says(running, "accepted", "desk-101")
