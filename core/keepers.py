"""What keeps a row from being deleted: rows that refer to it for good, and what only an app above its own can tell.

What money refers to stays: a rental charge, a charged call. Such a row is archived, or retired, instead. The apps
above register their part when they start.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import Any

from django.db.models import PROTECT, Model

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


def kept_by(instance: Model, *, apart_from: tuple[type[Model], ...] = ()) -> list[str]:
    """Return what forbids deleting a row, counted and in words: every kind of row that refers to it for good."""
    words = []
    for relation in instance._meta.related_objects:
        model: Any = relation.related_model
        if relation.on_delete is not PROTECT or model in apart_from:
            continue
        count = model._base_manager.filter(**{relation.field.name: instance}).count()
        if count:
            name = model._meta.verbose_name if count == 1 else model._meta.verbose_name_plural
            words.append(f"{count:,} {name}")
    return words
