"""A decision that could not be taken in is seen, and its retry charges the call exactly once."""

import uuid
from decimal import Decimal

import pytest

from billing.ledger import check_ledger
from cdr.models import CDR, ChargedLeg
from core.models import User
from systemlog.dead_letters import discard, retry
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


def test_who_discards_it_has_acknowledged_that_nobody_pays(route: dict[str, int], administrator: User) -> None:
    """The check is silent from then on, about this call only; who and when stay, and a retry still charges it."""
    calls = [Call(started=1_763_884_800 + number) for number in range(2)]
    for call in calls:
        _, decision, *rest = call.answered(**route)
        event = event_of(decision)
        bury(body=line(decision), error="ValueError: bad", event_id=event.id, event=event, failures=5)
        take_in([event_of(one) for one in rest])
    given_up, other = (uuid.UUID(call.attempt) for call in calls)
    # A letter of another kind says nothing about who pays.
    DeadLetter.objects.create(event_id=f"sw1:{other}:ringing:2", body="{", error="x", resolution="discarded")
    assert [one.attempt_id for one in check_ledger()] == [given_up, other]
    letter = DeadLetter.objects.get(event_id__contains=f":{given_up}:")
    discard(letter.pk, actor=administrator)
    assert [one.attempt_id for one in check_ledger()] == [other]
    letter.refresh_from_db()
    assert letter.resolved_by == administrator.username and letter.resolved_at
    told = LogEntry.objects.get(reason="dead_letter_discarded")
    assert told.attempt_id == given_up and administrator.username in told.message
    # Another event of it that still waits for a person names it again.
    waiting = DeadLetter.objects.create(event_id=f"sw1:{given_up}:attempt:0", body="{", error="x")
    assert [one.attempt_id for one in check_ledger()] == [given_up, other]
    discard(waiting.pk, actor=administrator)
    assert [one.attempt_id for one in check_ledger()] == [other]
    for _ in range(2):
        assert retry(letter.pk, actor=administrator) == ""
        assert booked() == [("account", Decimal("-0.36"))]
    assert [one.attempt_id for one in check_ledger()] == [other]


def test_what_cannot_be_read_at_all_is_told_too() -> None:
    bury(body="{", error="no JSON\x00", event_id="invalid:ab", stream_id="1-1")
    bury(body="{", error="no JSON\x00", event_id="invalid:ab", stream_id="1-1")
    assert LogEntry.objects.get(reason="dead_letter").attempt_id is None
