"""A part of the decider that is told to stop stops, also where news come with the word."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from routing.decider.follower import Follower
from routing.decider.judge import State
from routing.decider.pulse import Pulse
from routing.snapshot import Policy
from tests.loops import run_async


async def stops(work: Coroutine[Any, Any, None], news: Callable[[], None]) -> bool:
    """Whether work ends when it is cancelled at the very moment at which there are news for it."""
    task = asyncio.create_task(work)
    await asyncio.sleep(0.2)
    news()
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=20)
    return bool(done) and task.cancelled()


def test_the_pulse_stops() -> None:
    pulse = Pulse("decider-1", {}, list)
    pulse._write = lambda signs, notes: None  # type: ignore[method-assign]
    assert run_async(stops(pulse.run(), pulse.soon))


def test_the_follower_stops(tmp_path: Path) -> None:
    follower = Follower(
        "decider-1",
        {},
        State(),
        Policy(),
        tmp_path / "snapshot",
        algorithm="MD5",
        on_loaded=lambda credentials: None,
        on_changed=lambda credentials, ids: None,
    )

    async def nothing() -> None:
        pass

    follower._catch_up = nothing  # type: ignore[method-assign]
    assert run_async(stops(follower._follow(), follower._woken.set))
