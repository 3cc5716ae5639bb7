"""Limits counted over several nodes: the script in Redis, and what mends the counts (routing/decider/slots.py)."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
import redis
from django.conf import settings

from routing.decider.cluster import BEAT, SILENT_MS, connect
from routing.decider.slots import SETTLED_SECONDS, Slots
from tests.loops import run_async
from tests.timing import assert_quick

DID = "did:5"


@pytest.fixture(autouse=True)
def server() -> Iterator[redis.Redis]:
    """The stream's server, with two living nodes and no calls."""
    with redis.Redis.from_url(settings.EVENT_STREAM_URL, decode_responses=True) as client:

        def clean() -> None:
            for key in [*client.keys("limits:*"), *client.keys("cluster:*")]:
                client.delete(key)

        clean()
        for node in ("sw1", "sw2"):
            client.eval(BEAT, 0, node, "192.0.2.1:5060", "")
        yield client
        clean()


class Deciders:
    """Deciders by the node they belong to; ``counted`` is what their switch counts."""

    def __init__(self) -> None:
        self.counted = 0
        self.made: list[Slots] = []

    def at(self, node: str) -> Slots:
        async def size(profile: str, value: str) -> int:
            return self.counted

        self.made.append(Slots(node, connect(settings.EVENT_STREAM_URL), SILENT_MS, size))
        return self.made[-1]


def run(story: Callable[[Deciders], Awaitable[None]]) -> None:
    """Run a story with its deciders in an event loop."""

    async def told() -> None:
        deciders = Deciders()
        try:
            await story(deciders)
        finally:
            for slots in deciders.made:
                await slots.client.aclose()

    run_async(told())


async def ask(slots: Slots, attempt: str, limit: int = 2, *, take: bool = True) -> int | None:
    return (await slots.take(attempt, time.time(), {DID: limit}, take=take)).get(DID)


def test_two_nodes_share_the_places_exactly() -> None:
    """Asked at once from both sides, each place is given once."""

    async def story(deciders: Deciders) -> None:
        nodes = [deciders.at("sw1"), deciders.at("sw2")]
        asked = [ask(nodes[number % 2], f"a{number}", 7) for number in range(60)]
        live = await asyncio.gather(*asked)
        assert sorted(count for count in live if count is not None and count < 7) == list(range(7))
        assert sum(count == 7 for count in live) == 53

    run(story)


def test_both_deciders_of_a_node_say_the_same(server: redis.Redis) -> None:
    """The second question of an attempt takes no second place."""

    async def story(deciders: Deciders) -> None:
        first, second = deciders.at("sw1"), deciders.at("sw1")
        assert [await ask(first, "a"), await ask(second, "a")] == [0, 0]
        assert [await ask(second, "b", 1), await ask(first, "b", 1)] == [1, 1]
        assert server.hgetall(f"limits:live:{DID}") == {"sw1": "1"}

    run(story)


def test_an_ended_call_frees_its_place_before_anything_asked_later(server: redis.Redis) -> None:
    async def story(deciders: Deciders) -> None:
        slots = deciders.at("sw1")
        for number in range(20):
            assert await ask(slots, f"a{number}", 1) == 0
            slots.release(f"a{number}")
        assert slots._asking
        await slots._asking
        assert not server.keys("limits:live:*")
        assert not server.keys("limits:held:*")

    run(story)


def test_who_only_looks_takes_nothing() -> None:
    """A call that another check refuses is told of a limit, and holds nothing."""

    async def story(deciders: Deciders) -> None:
        slots = deciders.at("sw1")
        assert await ask(slots, "a", take=False) == 0
        assert await ask(slots, "b") == 0
        assert not slots.held.keys() - {"b"}

    run(story)


def test_a_question_nobody_waits_for_takes_nothing(server: redis.Redis) -> None:
    """A decider that hung answers its old questions late; their calls were refused long since."""

    async def story(deciders: Deciders) -> None:
        assert await deciders.at("sw1").take("a", time.time() - 5, {DID: 1}, take=True) == {}
        assert not server.keys("limits:held:*")

    run(story)


def test_a_dead_nodes_calls_do_not_count(server: redis.Redis) -> None:
    async def story(deciders: Deciders) -> None:
        one, two = deciders.at("sw1"), deciders.at("sw2")
        assert await ask(two, "a", 1) == 0
        assert await ask(one, "b", 1) == 1
        now = int(server.hget("cluster:nodes", "sw1").split()[0])
        server.hset("cluster:nodes", "sw2", f"{now - SILENT_MS - 1} 192.0.2.2:5060")
        assert await ask(one, "c", 1) == 0

    run(story)


def test_a_redis_that_lost_its_memory_is_told_again(server: redis.Redis) -> None:
    async def story(deciders: Deciders) -> None:
        slots = deciders.at("sw1")
        await ask(slots, "a")
        slots.held["a"] = slots.held["a"].replace(slots.held["a"].split()[0], str(time.time() - SETTLED_SECONDS - 1))
        for key in server.keys("limits:*"):
            server.delete(key)
        deciders.counted = 1
        await slots.compare()
        assert await ask(deciders.at("sw2"), "b", 1) == 1

    run(story)


def test_a_missed_end_is_found_by_the_switchs_own_count(server: redis.Redis) -> None:
    """Also by a decider that has just started and remembers nothing."""

    async def story(deciders: Deciders) -> None:
        for attempt in ("a", "b"):
            await ask(deciders.at("sw1"), attempt)
            held = server.hget("limits:held:sw1", attempt).split()
            server.hset("limits:held:sw1", attempt, " ".join([str(time.time() - SETTLED_SECONDS - 1), *held[1:]]))
        deciders.counted = 1
        await deciders.at("sw1").compare()
        assert server.hgetall(f"limits:live:{DID}") == {"sw1": "1"}

    run(story)


def test_without_redis_nobody_waits_or_is_counted_twice(server: redis.Redis) -> None:
    """The switch's own count decides; what it let in is told when Redis is back."""

    async def story(deciders: Deciders) -> None:
        slots = deciders.at("sw1")
        there, slots.client = slots.client, connect("redis://127.0.0.1:1/0")
        begun = time.monotonic()
        assert [await ask(slots, f"a{number}") for number in range(50)] == [None] * 50
        # One wait for a connection each, however short, would be more.
        assert time.monotonic() - begun < 5
        assert len(slots.held) == 50
        await slots.client.aclose()
        slots.client = there

    run(story)


def test_a_hung_redis_costs_less_than_the_switch_waits() -> None:
    """Also for those who ask while the first still waits; after it nobody asks for a while."""

    slow, late = [], []

    async def story(deciders: Deciders) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            slots = deciders.at("sw1")
            await slots.client.aclose()
            slots.client = connect(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")

            async def one(number: int) -> float:
                await asyncio.sleep(number * 0.1)
                begun = time.monotonic()
                assert await ask(slots, f"a{number}") is None
                return time.monotonic() - begun

            took = await asyncio.gather(*map(one, range(10)))
            slow.append(max(took))
            late.append(max(took[-3:]))

    def waited() -> float:
        run(story)
        return max(slow[-1] / 0.85, late[-1] / 0.05)

    assert_quick(waited, 1.0)
