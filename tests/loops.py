"""Event loops for tests that share a process with Playwright, whose own loop runs in the main thread."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def run_async(story: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread of its own and return its result."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, story).result()
