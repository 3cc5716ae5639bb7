"""What keeps a row from being deleted, asked of the apps above its own, which register their part when they start.

What money refers to stays: a rental charge, a charged call. Such a row is archived, or retired, instead.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping

from django.db.models import Model

Keeper = Callable[[Collection[int]], Mapping[int, str]]

_keepers: dict[type[Model], list[Keeper]] = defaultdict(list)


def register_keeper(model: type[Model], keeper: Keeper) -> None:
    """Let ``keeper`` be asked: given keys of ``model``'s rows it returns, by key, what refers to one, in words."""
    if keeper not in _keepers[model]:
        _keepers[model].append(keeper)


def what_keeps(model: type[Model], keys: Collection[int]) -> dict[int, list[str]]:
    """Return by key what refers to these rows from above, in words; those that nothing refers to are not in it."""
    kept: dict[int, list[str]] = defaultdict(list)
    for keeper in _keepers[model]:
        for key, words in keeper(keys).items():
            kept[key].append(words)
    return dict(kept)


def what_keeps_row(row: Model) -> list[str]:
    """Return what refers to one row from above, in words."""
    return what_keeps(type(row), [row.pk]).get(row.pk, [])
