"""Rows of an uploaded table, the bounds within which they are read, and the refusal of what lies beyond."""

import dataclasses
import re

MAX_BYTES = 20 * 1024 * 1024
MAX_ROWS = 250_000
MAX_COLUMNS = 50
MAX_CELL = 2_000
MAX_LINE = 2 * MAX_COLUMNS * MAX_CELL

# Control characters, and marks that turn the direction of reading: what a person sees would not be what is stored.
_STRANGE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffd]")


class ReadError(ValueError):
    """The file cannot be read as a table; the message says why, for the person who chose it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One row with the line it stands on in the file."""

    line: int
    cells: list[str]


def too_many_rows() -> ReadError:
    """Return the refusal of a file with too many rows."""
    return ReadError(f"The file holds more than {MAX_ROWS:,} rows: split it.")


def strange_character(text: str) -> str:
    """Return what stands in ``text`` that no table of words and numbers holds, as U+202E; nothing where all is well."""
    found = _STRANGE.search(text)
    return f"U+{ord(found[0]):04X}" if found else ""
