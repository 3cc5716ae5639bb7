"""Calls in a loop cost the same at every depth of a request: none falls on the edge of a chunk of the stack."""

import resource
from typing import cast

from django.http import HttpRequest, HttpResponse

from core.stack_room import stack_room

DEEPEST, CALLS = 250, 200


def leaf() -> None:
    """Need a frame, of a hundred values."""


leaf.__code__ = leaf.__code__.replace(co_stacksize=100)


def down(depth: int, faults: list[int]) -> None:
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    for _ in range(CALLS):
        leaf()
    faults.append(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before)
    if depth < DEEPEST:
        down(depth + 1, faults)


def test_no_depth_of_a_request_asks_the_system_for_memory_with_each_call() -> None:
    faults: list[int] = []

    def view(request: HttpRequest) -> HttpResponse:
        down(0, faults)
        return HttpResponse("drawn")

    assert cast(HttpResponse, stack_room(view)(HttpRequest())).content == b"drawn"
    assert len(faults) == DEEPEST + 1
    assert max(faults) < CALLS / 2
