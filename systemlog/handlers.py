"""The registry of functions that turn events into rows.

A handler takes a list of events of its types, inside the transaction that also notes them as seen. Events come in any
order, at least once; the list is sorted by attempt so that two workers lock rows in one order. A handler makes no call
over a network and keeps nothing in memory that a rollback would have to undo.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from systemlog.events import Event

EventHandler = Callable[[list[Event]], None]


@dataclass(frozen=True)
class _Registered:
    weight: int
    types: frozenset[str]
    function: EventHandler


_registered: list[_Registered] = []


def handles(*types: str, weight: int = 100) -> Callable[[EventHandler], EventHandler]:
    """Register the decorated function for events of these types; lower weights run first, everywhere in one order."""

    def register(function: EventHandler) -> EventHandler:
        _registered.append(_Registered(weight, frozenset(types), function))
        _registered.sort(key=lambda entry: (entry.weight, entry.function.__module__, entry.function.__qualname__))
        return function

    return register


def dispatch(events: Iterable[Event]) -> None:
    """Give each handler its events, sorted by attempt, time and sequence."""
    ordered = sorted(events, key=lambda event: (event.attempt.int, event.at, event.type, event.seq))
    for entry in _registered:
        mine = [event for event in ordered if event.type in entry.types]
        if mine:
            entry.function(mine)
