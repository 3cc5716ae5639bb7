"""System Log tells each step of a call once, in whatever order and batches its events come."""

import itertools

import pytest

from systemlog.events import event_of
from systemlog.intake import take_in
from systemlog.models import LogEntry
from tests.calls import Call

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("together", [0, 1, 2])
def test_a_refusal_is_told_once(order: tuple[int, ...], together: int) -> None:
    """Its end may come before its decision: an outage makes a worker try some events again, and later than others."""
    events = [event_of(event) for event in Call().refusal("did_unknown", 404, 1)]
    shuffled = [events[at] for at in order]
    for batch in (shuffled[:together], shuffled[together:]):
        take_in(batch)
    for event in shuffled:
        take_in([event])
    assert list(LogEntry.objects.values_list("reason", flat=True)) == ["did_unknown"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_each_event_alone_tells_a_refusal_once(order: tuple[int, ...]) -> None:
    events = [event_of(event) for event in Call().refusal("did_unknown", 404, 1)]
    for at in order:
        take_in([events[at]])
    assert list(LogEntry.objects.values_list("reason", flat=True)) == ["did_unknown"]
