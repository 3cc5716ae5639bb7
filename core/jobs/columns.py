"""The columns a kind of import knows, and finding them in a file by the words of its head."""

import dataclasses
import re
from collections.abc import Sequence

_BLANK = re.compile(r"[^0-9a-z]+")


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in code, what people call it, and other words that files use for it."""

    name: str
    label: str
    words: tuple[str, ...] = ()
    required: bool = False
    help: str = ""


def plain(word: str) -> str:
    """Return a head's word for comparing: lower case, letters and digits only."""
    return _BLANK.sub("", word.casefold())


def match_columns(columns: Sequence[Column], header: Sequence[str]) -> dict[str, int]:
    """Return the position of each column that the head names; a file's column is taken once, the first of equals."""
    places: dict[str, int] = {}
    for position, word in enumerate(header):
        places.setdefault(plain(word), position)
    found: dict[str, int] = {}
    for column in columns:
        for word in (column.label, column.name, *column.words):
            place = places.get(plain(word))
            if place is not None and place not in found.values():
                found[column.name] = place
                break
    return found
