"""What keeps a DID from being deleted: asked of the apps above this one, which register their part when they start.

What money refers to stays: rental charges, calls that were charged. Retiring a number is its archive.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping

Keeper = Callable[[Collection[int]], Mapping[int, str]]

_keepers: list[Keeper] = []


def register_keeper(keeper: Keeper) -> None:
    """Let ``keeper`` be asked: given ids of DIDs it returns, by id, what refers to one, in words."""
    if keeper not in _keepers:
        _keepers.append(keeper)


def what_keeps(did_ids: Collection[int]) -> dict[int, list[str]]:
    """Return by id what refers to these DIDs, in words; those that nothing refers to are not in it."""
    kept: dict[int, list[str]] = defaultdict(list)
    for keeper in _keepers:
        for did_id, words in keeper(did_ids).items():
            kept[did_id].append(words)
    return dict(kept)
