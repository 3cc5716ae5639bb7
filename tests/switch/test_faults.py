"""Parts of the product die or hang: what single calls see. What many see, tests/faults tells."""

import time
from collections.abc import Callable

from cdr.models import CDR
from systemlog.models import LogEntry
from tests.node import keeps, knows
from tests.stack import Stack, eventually
from tests.switch.conftest import PhoneMaker, Story
from tests.switch.network import Network
from tests.switch.phone import Manner
from tests.switch.sipp import (
    Carrier,
    Result,
    cancelled_after,
    hang_up,
    refused,
    talking,
)

CarrierAt = Callable[..., Carrier]
DECIDERS = ("decider-1", "decider-2")
CALL = "call"


def calls_of(result: Result) -> set[str]:
    return {m.header("Call-ID") for m in result.messages if not m.is_reply and m.method == "INVITE"}


def each_told_once(calls: set[str], reason: str = "completed", patience: float = 60) -> None:
    """Assert that every call has exactly one CDR that ended so."""
    records = CDR.objects.filter(call_id__in=calls, ended_at__isnull=False)
    eventually(lambda: records.count() >= len(calls), patience, f"{len(calls)} CDRs have ended")
    told = sorted(records.values_list("call_id", flat=True))
    assert told == sorted(calls)
    assert CDR.objects.filter(call_id__in=calls).count() == len(calls)
    assert set(records.values_list("reason", flat=True)) == {reason}
    ends = LogEntry.objects.filter(call_id__in=calls, reason=reason)
    # A call's first events may come last, and only they name its Call-ID to what the log said before.
    eventually(lambda: ends.count() >= len(calls), patience, f"{len(calls)} ends are logged")
    assert ends.count() == len(calls)


def test_hung_deciders_cost_the_decision_timer_and_no_more(
    stack: Stack, network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """503 after it; afterwards their late answers disturb nothing."""
    line = network.line()
    phone(line)
    with stack.paused(*DECIDERS):
        result = carrier().call(refused(503), line.number)
        assert result, result.errors
    record = story.tells(result, "no_decision", 503, 41, "switch", by="switch")
    # Neither less than SIP_DECISION_TIMEOUT of the stack, nor until the transaction's own timers.
    assert 2.9 <= (record.ended_at - record.started_at).total_seconds() <= 10
    again = carrier().call(talking(0.1) + hang_up(), line.number)
    assert again, again.errors


def test_one_hung_decider_harms_nobody(
    stack: Stack, network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """The other's answer counts."""
    line = network.line()
    phone(line)
    with stack.paused(DECIDERS[0]):
        result = carrier().call(talking(0.1) + hang_up(), line.number)
        assert result, result.errors
    story.tells(result, "completed", 200, 16, CALL)


def test_a_caller_who_cancels_while_nobody_decides(
    stack: Stack, network: Network, carrier: CarrierAt, story: Story
) -> None:
    """The call ends once, as cancelled, although no decision was ever made."""
    line = network.line()
    with stack.paused(*DECIDERS):
        result = carrier().call(cancelled_after(0.2, ringing=False), line.number)
        assert result, result.errors
    record = story.of(result)
    assert (record.reason, record.sip_code, record.hung_up_by) == ("cancelled", 487, "caller")


def test_without_deciders_calls_are_refused_and_then_recover(
    stack: Stack, network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """503 at once, never in unasked; accepted again as soon as one is back."""
    line = network.line()
    phone(line)
    stack.stop(*DECIDERS)
    try:
        result = carrier().call(refused(503), line.number)
        assert result, result.errors
        story.tells(result, "no_decision", 503, 41, "switch", by="switch")
    finally:
        stack.begin(*DECIDERS)
    again = carrier().call(talking(0.1) + hang_up(), line.number)
    assert again, again.errors
    story.tells(again, "completed", 200, 16, CALL)


def test_a_bye_that_was_repeated_while_the_switch_hung_gets_one_answer(
    stack: Stack, network: Network, carrier: CarrierAt, phone: PhoneMaker
) -> None:
    """Its copies wait in the socket with it, and several workers read them at the same moment."""
    line = network.line()
    called = phone(line, Manner(answer_after=0.1))
    running = carrier().start(talking(3) + hang_up(), line.number, calls=20, rate=20)
    eventually(lambda: len(called.received("ACK")) == 20, what="all talk")
    with stack.paused("switch"):
        time.sleep(4.5)
    result = running.wait()
    assert result, result.errors
    assert [m.start for m in result.messages if m.is_reply and m.method == "BYE" and m.code != 200] == []


def test_a_killed_switch_still_ends_the_calls_it_finds(
    stack: Stack, network: Network, carrier: CarrierAt, phone: PhoneMaker
) -> None:
    """Calls older than the dialogs' writing period survive: the BYE passes, and the CDR gets its end."""
    line = network.line()
    phone(line, Manner(answer_after=0.1))
    calls = carrier().start(talking(6) + hang_up(), line.number, calls=5, rate=10)
    eventually(lambda: CDR.objects.filter(number=line.number, answered_at__isnull=False).count() == 5, what="all talk")
    eventually(lambda: keeps(stack.folder.root, line.number, 5), what="the calls are written")
    stack.kill("switch")
    stack.wait_ready("switch")
    result = calls.wait()
    assert result, result.errors
    each_told_once(calls_of(result))


def test_a_killed_switch_knows_its_phones_when_it_is_back(
    stack: Stack, network: Network, carrier: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """Also one that registered a second before; and who called meanwhile is asked to wait, not refused."""
    line = network.line()
    phone(line)
    eventually(lambda: knows(stack.folder.root, line.user), what="the binding is written")
    stack.kill("switch")
    result = carrier().call(talking(0.1) + hang_up(), line.number)
    assert result, result.errors
    story.tells(result, "completed", 200, 16, CALL)
