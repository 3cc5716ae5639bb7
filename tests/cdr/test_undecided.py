"""A decision that could not be taken in is seen, and its retry charges the call exactly once."""

import uuid
from decimal import Decimal

import pytest

from billing.ledger import check_ledger
from cdr.models import CDR, ChargedLeg
from core.models import User
from systemlog.dead_letters import retry
from systemlog.events import event_of
from systemlog.intake import bury, take_in
from systemlog.models import DeadLetter, LogEntry
from tests.calls import Call, line
from tests.cdr.test_charging import booked
from tests.cdr.test_charging import route as route

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("attempt_known", [True, False])
def test_it_is_named_until_its_retry_charges_the_call_once(
    route: dict[str, int], administrator: User, attempt_known: bool
) -> None:
    """Where the attempt is known, the worker's own evaluation charges; else the ledger's check names the call."""
    call = Call(started=1_763_884_800)
    attempt, decision, *rest = call.answered(**route)
    event = event_of(decision)
    bury(body=line(decision), error="ValueError: bad", event_id=event.id, event=event, failures=5)
    told = LogEntry.objects.get(reason="dead_letter")
    assert (told.severity, told.attempt_id) == ("error", uuid.UUID(call.attempt))
    assert "“decision”" in told.message and "not at all" in told.message
    take_in([event_of(one) for one in ([attempt, *rest] if attempt_known else rest)])
    found = check_ledger()
    if attempt_known:
        assert not found and booked() == [("account", Decimal("-0.36"))]
    else:
        assert not booked() and not ChargedLeg.objects.exists()
        assert [difference.attempt_id for difference in found] == [uuid.UUID(call.attempt)]
        assert "charged to nobody" in found[0].words and "dead letters" in found[0].words
    for _ in range(2):
        assert retry(DeadLetter.objects.get().pk, actor=administrator) == ""
        assert booked() == [("account", Decimal("-0.36"))]
        assert not check_ledger()
    assert CDR.objects.get().number == "442079460018"


def test_what_cannot_be_read_at_all_is_told_too() -> None:
    bury(body="{", error="no JSON\x00", event_id="invalid:ab", stream_id="1-1")
    bury(body="{", error="no JSON\x00", event_id="invalid:ab", stream_id="1-1")
    assert LogEntry.objects.get(reason="dead_letter").attempt_id is None
