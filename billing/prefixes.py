"""Longest-prefix look-up in a dict per table, with the lengths in use tried from the longest down."""

from collections.abc import Iterator
from typing import Generic, TypeVar

Value = TypeVar("Value")


class PrefixTable(Generic[Value]):
    """Values by digit prefix; the empty prefix matches every number."""

    __slots__ = ("_counts", "_lengths", "entries")

    def __init__(self) -> None:
        self.entries: dict[str, Value] = {}
        self._counts: dict[int, int] = {}
        self._lengths: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.entries)

    def get(self, prefix: str) -> Value | None:
        """Return the value stored under exactly this prefix."""
        return self.entries.get(prefix)

    def put(self, prefix: str, value: Value) -> None:
        """Store a value, replacing the one with the same prefix."""
        if prefix not in self.entries:
            self._count(len(prefix), 1)
        self.entries[prefix] = value

    def remove(self, prefix: str) -> None:
        """Forget a prefix; one that is not there is no error."""
        if self.entries.pop(prefix, None) is not None:
            self._count(len(prefix), -1)

    def matches(self, number: str) -> Iterator[tuple[str, Value]]:
        """Yield every entry whose prefix starts ``number``, the longest first."""
        entries = self.entries
        for length in self._lengths:
            prefix = number[:length]
            # A number shorter than the length is no match, though the slice may be a shorter entry.
            if len(prefix) == length and (value := entries.get(prefix)) is not None:
                yield prefix, value

    def longest(self, number: str) -> Value | None:
        """Return the value of the longest prefix that starts ``number``."""
        # As matches() does, without a generator's cost: this is asked for each leg of each call.
        get, size = self.entries.get, len(number)
        for length in self._lengths:
            if length <= size and (value := get(number[:length])) is not None:
                return value
        return None

    def _count(self, length: int, by: int) -> None:
        count = self._counts.get(length, 0) + by
        if count:
            self._counts[length] = count
        else:
            del self._counts[length]
        if count in {0, by}:
            self._lengths = tuple(sorted(self._counts, reverse=True))
