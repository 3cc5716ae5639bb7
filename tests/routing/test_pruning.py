"""Old configuration history goes, what can still be asked for stays, and what cannot is said so."""

import datetime as dt

import pytest
from django.db import connection
from django.utils import timezone

from dids.models import DID
from routing.loader import VersionPruned, changes_between, read_snapshot
from routing.models import Attempt, ConfigChange, ConfigVersion
from routing.policy import current_policy
from routing.pruning import prune_config_history
from routing.store import snapshots
from systemlog.events import event_of
from systemlog.intake import take_in
from systemlog.models import LogEntry
from tests.calls import Call
from tests.routing.operator import a_mapped_did

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
KEEP = dt.timedelta(days=90)


@pytest.fixture
def did() -> DID:
    """A mapped DID that was changed three times: long ago twice, lately once."""
    did = a_mapped_did()
    for days, note in ((200, "first"), (100, "second"), (10, "third")):
        DID.objects.filter(pk=did.pk).update(notes=note)
        newest = ConfigVersion.objects.latest("id")
        ConfigVersion.objects.filter(pk=newest.pk).update(at=timezone.now() - dt.timedelta(days=days))
        if days == 200:
            ConfigVersion.objects.filter(pk__lt=newest.pk).update(at=timezone.now() - dt.timedelta(days=300))
    snapshots.forget()
    return did


def bodies(did: DID) -> list[str]:
    changes = ConfigChange.objects.filter(kind="did", row_id=did.pk).order_by("version_id", "id")
    return [change.body["notes"] for change in changes]


def test_each_row_keeps_its_newest_body_up_to_the_oldest_version_kept(did: DID) -> None:
    assert bodies(did)[-3:] == ["first", "second", "third"]
    assert prune_config_history(timezone.now(), KEEP) > 0
    assert bodies(did) == ["second", "third"]
    assert prune_config_history(timezone.now(), KEEP) == 0


def test_every_version_kept_can_be_rebuilt(did: DID) -> None:
    versions = list(ConfigVersion.objects.order_by("id").values_list("id", flat=True))
    second, third = versions[-2:]
    prune_config_history(timezone.now(), KEEP)
    config = read_snapshot(connection, current_policy())
    with connection.cursor() as cursor:
        before = {(change.kind, change.row_id) for change in changes_between(cursor, config.version, second)}
        assert ("did", did.pk) in before
        assert changes_between(cursor, second, third)
        with pytest.raises(VersionPruned):
            changes_between(cursor, config.version, versions[-3])


def test_an_event_decided_before_is_taken_in_and_not_called_a_difference(did: DID) -> None:
    old = ConfigVersion.objects.order_by("-id")[2].id
    prune_config_history(timezone.now(), KEEP)
    call = Call()
    take_in([event_of(call.attempt_event()), event_of(call.decision(version=old, number=did.number))])
    attempt = Attempt.objects.get()
    assert (attempt.differs, attempt.decided_reason, attempt.record) == (False, "accepted", None)
    assert not LogEntry.objects.filter(reason="verdict_differs").exists()
