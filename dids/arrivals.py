"""Whether a call has arrived for a DID: asked of whoever keeps the calls, which stands above this app.

The app with the CDRs registers a function here when it starts; dids never imports it.
"""

import dataclasses
import datetime as dt
from collections.abc import Callable

from dids.models import DID


@dataclasses.dataclass(frozen=True, slots=True)
class Arrival:
    """The last call that came for a DID: when, from where, how it ended, why, and the page that tells of it."""

    at: dt.datetime
    source: str
    outcome: str
    colour: str
    words: str
    url: str


_finders: list[Callable[[DID], Arrival | None]] = []


def register_arrivals(finder: Callable[[DID], Arrival | None]) -> None:
    """Let ``finder`` be asked for the last call to a DID."""
    if finder not in _finders:
        _finders.append(finder)


def last_arrival(did: DID) -> Arrival | None:
    """Return the last call that came for ``did``, or None."""
    found = [arrival for finder in _finders if (arrival := finder(did))]
    return max(found, key=lambda arrival: arrival.at, default=None)
