"""Several of each: a second switch and a second worker join, work, die and leave under calls (docs/cluster.md)."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings

from cdr.models import CDR
from core.models import Heartbeat
from dids.models import DID
from switch.record import RpcError, call_rpc
from systemlog.models import LogEntry
from tests.node import SECOND, Node, keeps, second_switch
from tests.stack import Stack, eventually
from tests.switch.conftest import PhoneMaker, Story
from tests.switch.network import ACME, Line, Network, wait_in_force
from tests.switch.phone import Manner, Phone
from tests.switch.raw import Raw
from tests.switch.sipp import ALERTING, Carrier, Result, expect, fragment, hang_up, invite, pause, refused, talking

Server = tuple[str, int]
CarrierAt = Callable[[Server], Carrier]
# From the word of a registration in Redis to the deciders that hear it: what follows one order there, with room.
HEARD_SECONDS = 0.5


@pytest.fixture(scope="module")
def node(running_stack: Stack) -> Iterator[Node]:
    """A second switch, which joined while the product ran; the module's tests share it."""
    with second_switch(running_stack, "sw2") as node:
        yield node


@pytest.fixture
def sw1(server: Server) -> Server:
    """Where the first switch listens."""
    return server


@pytest.fixture
def sw2(node: Node) -> Server:
    """Where the second switch listens."""
    return SECOND, int(node.settings["SIP_PORT"])


@pytest.fixture
def carrier_at(tmp_path: Path) -> CarrierAt:
    """A carrier that calls one of the switches."""
    return lambda server: Carrier(server, ACME, tmp_path)


@pytest.fixture
def limited(network: Network) -> Callable[[int], Line]:
    """A line whose number takes so many calls at once, in force at every decider."""

    def line(limit: int) -> Line:
        line = network.line()
        DID.objects.filter(pk=line.did.pk).update(call_limit=limit)
        wait_in_force()
        return line

    return line


def talking_or_busy(seconds: float) -> list[str]:
    """Return a call that is answered for some time, or refused with 486."""
    busy = '<recv response="486" optional="true" next="1"/>'
    talk = [expect(200), fragment("ack", cseq=1), pause(seconds), fragment("in_dialog", method="BYE", cseq=2, extra="")]
    ended = ['<recv response="200" next="2"/>', '<label id="1"/>', fragment("ack_refusal"), '<label id="2"/>']
    return [invite(), *ALERTING, busy, *talk, *ended]


def answered(*results: Result) -> int:
    """Return how many of these runs' calls were answered."""
    return sum(message.code == 200 for result in results for message in result.finals)


def ended(result: Result, count: int) -> list[CDR]:
    """Return the CDRs of a run's calls, one each and all ended."""
    calls = set(result.call_ids)
    assert len(calls) == count
    records = CDR.objects.filter(call_id__in=calls)
    eventually(lambda: records.filter(ended_at__isnull=False).count() >= count, what=f"{count} CDRs have ended")
    assert records.count() == count
    return list(records)


def registered_at(phone: PhoneMaker, line: Line, server: Server, **manner: object) -> Phone:
    """Return a phone that the other node knows of, too."""
    with shared() as client:
        # A decider that has just lost its connection hears of nothing for a second.
        eventually(lambda: client.pubsub_numsub("cluster:bindings")[0][1] >= 4, what="all deciders listen")
        made = phone(line, Manner(**manner), server=server)
        eventually(lambda: bound(client, line), what="its binding is told")
    time.sleep(HEARD_SECONDS)
    return made


def shared() -> redis.Redis:
    """Return what the nodes share."""
    return redis.Redis.from_url(settings.EVENT_STREAM_URL, decode_responses=True)


def bound(client: redis.Redis, line: Line) -> bool:
    """Whether any node has told the others that this phone is registered with it."""
    return any(client.hexists(f"cluster:bindings:{node}", line.user) for node in ("sw1", "sw2"))


def wait_for_free_places(line: Line) -> None:
    """Return when the nodes have told each other of the ends of all calls to a number."""
    with shared() as client:
        places = f"limits:live:did:{line.did.pk}"
        eventually(lambda: not any(int(count) for count in client.hvals(places)), what="all places are free")


def once_refused(carrier: Carrier, line: Line, code: int) -> Result:
    """Return the first call that ends so: one decider may still send calls to a switch that the other counts dead."""
    results = []

    def ends_so() -> bool:
        results.append(carrier.call(refused(code), line.number))
        return bool(results[-1])

    eventually(ends_so, what=f"a call ends with {code}")
    return results[-1]


def knows_node(stack: Stack, server: Server) -> bool:
    """Whether the first switch lets this one hand calls on to it."""
    try:
        call_rpc(stack.folder.run / "rpc.sock", "htable.get", "nodes", f"{server[0]}:{server[1]}")
    except RpcError:
        return False
    return True


def test_each_switch_records_its_calls_under_its_own_name(
    sw1: Server, sw2: Server, network: Network, carrier_at: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """Each decides its calls and registers its phones."""
    for server, name in ((sw1, "sw1"), (sw2, "sw2")):
        line = network.line()
        phone(line, server=server)
        result = carrier_at(server).call(talking(0.1) + hang_up(), line.number)
        assert result, result.errors
        assert story.tells(result, "completed", 200, 16, "call").switch == name
    assert Heartbeat.objects.get(name="sw2").kind == "switch"
    assert LogEntry.objects.filter(category="switch", message__startswith="Switch sw2 started").exists()


def test_a_phone_of_the_other_switch_rings_through_its_own(
    sw1: Server, sw2: Server, network: Network, carrier_at: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """Every packet comes to it from where it registered, as its router demands; the switch called tells of the call."""
    line = network.line()
    called = registered_at(phone, line, sw1)
    result = carrier_at(sw2).call(talking(0.2) + hang_up(), line.number)
    assert result, result.errors
    assert called.received_exactly("INVITE", "ACK", "BYE")
    assert {m.source for m in called.messages} == {sw1}
    record = story.tells(result, "completed", 200, 16, "call", by="caller")
    assert (record.switch, record.phone_user_agent) == ("sw2", "Testphone 1.0")
    assert ";alias=" not in record.contact

    called.manner = Manner(hang_up_after=0.2)
    result = carrier_at(sw2).call([*talking(0), '<recv request="BYE" timeout="5000"/>', fragment("ok")], line.number)
    assert result, result.errors
    story.tells(result, "completed", 200, 16, "call", by="callee")


def test_two_phones_of_the_other_switch_answer_at_the_same_moment(
    sw1: Server, sw2: Server, network: Network, phone: PhoneMaker, story: Story
) -> None:
    """The answer that is one too many is ended (RFC 3261 §13.2.2.4), and that passes the phone's own switch, too."""
    line = network.line()
    phones = [registered_at(phone, line, sw2, answer_after=0.2, heeds_cancel=False) for _ in range(2)]
    answer = Raw((ACME, 0)).call_and_end_both(line.number, sw1)
    for called in phones:
        called.wait_for("BYE")
        assert {m.source for m in called.messages} == {sw2}
    assert story.of_call(answer.header("Call-ID")).reason == "completed"


def test_what_the_phone_of_the_other_switch_does_is_told_as_it_is(
    sw1: Server, sw2: Server, network: Network, carrier_at: CarrierAt, phone: PhoneMaker, story: Story
) -> None:
    """Busy is busy; a phone whose packets do not arrive has not answered, although its switch has."""
    line = network.line()
    called = registered_at(phone, line, sw1, ring=None, refuse=486)
    result = carrier_at(sw2).call(refused(486), line.number)
    assert result, result.errors
    story.tells(result, "busy", 486, 17, "call", by="callee")
    called.manner = Manner(silent=True)
    result = carrier_at(sw2).call(refused(408), line.number)
    assert result, result.errors
    story.tells(result, "no_response", 408, 18, "call", by="switch")
    called.manner = Manner()
    called.register(0)
    with shared() as client:
        eventually(lambda: not bound(client, line), what="its end is told")
    time.sleep(HEARD_SECONDS)
    result = carrier_at(sw2).call(refused(487), line.number)
    assert result, result.errors
    story.tells(result, "not_registered", 487, 20, "call", by="switch")


@pytest.mark.parametrize("learns", [True, False])
def test_a_switch_that_does_not_know_the_caller_yet_is_asked_again(
    stack: Stack,
    sw1: Server,
    sw2: Server,
    network: Network,
    carrier_at: CarrierAt,
    phone: PhoneMaker,
    story: Story,
    *,
    learns: bool,
) -> None:
    """As after the start of either: it is silent until its deciders have told it, and nobody has declined anything."""
    line = network.line()
    registered_at(phone, line, sw1)
    rpc, address = stack.folder.run / "rpc.sock", f"{sw2[0]}:{sw2[1]}"
    call_rpc(rpc, "htable.delete", "nodes", address)
    try:
        run = carrier_at(sw2).start(talking(0.1) + hang_up() if learns else refused(408), line.number)
        time.sleep(0.7)
        if learns:
            call_rpc(rpc, "htable.sets", "nodes", address, "sw2")
        result = run.wait()
    finally:
        call_rpc(rpc, "htable.sets", "nodes", address, "sw2")
    assert result, result.errors
    if learns:
        story.tells(result, "completed", 200, 16, "call")
    else:
        assert not story.tells(result, "no_response", 408, 18, "call", by="switch").phone_code


def test_a_switch_that_has_joined_is_known_to_the_others(node: Node, stack: Stack, sw2: Server) -> None:
    """Not some time later: its first call may be for a phone of theirs."""
    node.leave()
    node.join()
    assert knows_node(stack, sw2)


def test_a_stranger_cannot_pass_for_a_node(sw1: Server, network: Network, phone: PhoneMaker) -> None:
    """The mark of a handed-on call is worth nothing from an address that is no node's."""
    line = network.line()
    called = phone(line, server=sw1)
    stranger = Raw(("127.11.9.9", 0))
    uri, mark = f"sip:{line.user}@{sw1[0]}:{sw1[1]}", "X-Voipbilling-Hop: " + "0" * 64 + "\r\n"
    assert stranger.ask(stranger.request("INVITE", uri, extra=mark), sw1).code == 403
    assert not called.received("INVITE")


def test_a_limit_holds_exactly_over_both_switches(
    sw1: Server, sw2: Server, carrier_at: CarrierAt, phone: PhoneMaker, limited: Callable[[int], Line]
) -> None:
    """Of forty calls that come to both at once, five get in; and as soon as they have ended, five more."""
    line = limited(5)
    registered_at(phone, line, sw1, answer_after=0.05)
    for _ in range(2):
        runs = [carrier_at(at).start(talking_or_busy(2), line.number, calls=20, rate=1000) for at in (sw1, sw2)]
        results = [run.wait() for run in runs]
        assert all(results), [result.errors for result in results]
        assert answered(*results) == 5
        wait_for_free_places(line)
    refusals = [record for result in results for record in ended(result, 20) if record.reason != "completed"]
    assert {record.reason for record in refusals} == {"did_limit"}


def test_limits_are_kept_by_each_switch_while_redis_is_away(
    stack: Stack,
    sw1: Server,
    sw2: Server,
    carrier_at: CarrierAt,
    phone: PhoneMaker,
    limited: Callable[[int], Line],
) -> None:
    """Nobody waits or is refused for it; each node counts exactly, and so does the sum once Redis is back."""
    line = limited(1)
    called = registered_at(phone, line, sw1, answer_after=0.05)
    with stack.paused("valkey"):
        runs = [carrier_at(at).start(talking_or_busy(4), line.number, calls=3, rate=1000) for at in (sw1, sw2)]
        eventually(lambda: len(called.received("INVITE")) == 2, what="each node lets one in")
    results = [run.wait() for run in runs]
    assert all(results), [result.errors for result in results]
    assert [answered(result) for result in results] == [1, 1]
    wait_for_free_places(line)
    again = [carrier_at(at).start(talking_or_busy(1), line.number, calls=3, rate=1000) for at in (sw1, sw2)]
    results = [run.wait() for run in again]
    assert answered(*results) == 1


def test_a_worker_joins_and_leaves_under_calls(
    stack: Stack, sw1: Server, sw2: Server, network: Network, carrier_at: CarrierAt, phone: PhoneMaker
) -> None:
    """Two share the stream, one is killed, one leaves; each call of both switches is told exactly once."""
    line = network.line()
    registered_at(phone, line, sw1)
    with Node(stack, "worker", "worker-2"):
        runs = [carrier_at(at).start(talking(0.5) + hang_up(), line.number, calls=60, rate=6) for at in (sw1, sw2)]
        beat = Heartbeat.objects.filter(name__startswith="worker-2@voipbilling", details__taken__gt=0)
        eventually(beat.exists, what="the second worker takes events")
        stack.kill("ingest")
        stack.wait_ready("ingest")
    for run in runs:
        result = run.wait()
        assert result, result.errors
        assert {record.reason for record in ended(result, 60)} == {"completed"}
    assert not Heartbeat.objects.filter(name__startswith="worker-2@voipbilling").exists()


def test_a_dead_switch_takes_its_calls_and_phones_out_of_the_count(
    stack: Stack,
    node: Node,
    sw1: Server,
    sw2: Server,
    carrier_at: CarrierAt,
    phone: PhoneMaker,
    limited: Callable[[int], Line],
    story: Story,
) -> None:
    """Its last place is free after seconds, its phones are not registered; it comes back with what it recorded."""
    line = limited(1)
    lost = registered_at(phone, line, sw2, answer_after=0.05)
    run = carrier_at(sw2).start(talking(60) + hang_up(), line.number)
    eventually(
        lambda: CDR.objects.filter(number=line.number, answered_at__isnull=False).exists(), what="it is answered"
    )
    eventually(lambda: keeps(node.folder.root, line.number), what="the call is written")
    busy = carrier_at(sw1).call(refused(486), line.number)
    assert busy, busy.errors
    node.kill()
    try:
        run.stop()
        eventually(lambda: not knows_node(stack, sw2), what="the other switch counts as dead")
        gone = once_refused(carrier_at(sw1), line, 487)
        story.tells(gone, "not_registered", 487, 20, "call", by="switch")
    finally:
        node.join()
    # It has read back the call that it was killed in, and counts it.
    still = carrier_at(sw1).call(refused(486), line.number)
    assert still, still.errors
    DID.objects.filter(pk=line.did.pk).update(call_limit=2)
    wait_in_force()
    lost.manner = Manner(silent=True)  # its binding has come back, too
    back = registered_at(phone, line, sw2, answer_after=0.05)
    result = carrier_at(sw1).call(talking(0.1) + hang_up(), line.number)
    assert result, result.errors
    assert back.received_exactly("INVITE", "ACK", "BYE")
    assert {m.source for m in back.messages} == {sw2}
