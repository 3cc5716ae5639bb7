"""Many telephone numbers at once: ranges, and the lists that a person pastes or a provider sends."""

import dataclasses
import re
from collections.abc import Iterator

import phonenumbers

from core.phone_numbers import MIN_DIGITS, WRITTEN, Number, NumberError, describe, read_number, shorten

_RANGE_WORD = re.compile(r"\s+to\s+|\s*\.\.+\s*|\s*[–—]\s*|\s+-\s+")
_PARTS_OF_LIST = re.compile(r"[,;\t]")
_DIGIT = re.compile(r"\d")


@dataclasses.dataclass(frozen=True, slots=True)
class WrittenNumber:
    """One number of a pasted list: the line it stands on, its text, and the number or the reason it is none."""

    line: int
    text: str
    number: Number | None
    error: str = ""


def read_range(first: str, last: str, default_region: str = "", *, limit: int) -> list[Number]:
    """Return every number from ``first`` to ``last``, both included; ``last`` may be the final digits only.

    Raise NumberError where the ends do not belong together or the range holds more than ``limit`` numbers.
    """
    start = read_number(first, default_region)
    ending = phonenumbers.normalize_digits_only(last)
    if not WRITTEN.match(last.strip()):
        raise NumberError(f"“{shorten(last.strip())}” is not a number: use digits only.")
    # Final digits replace those of the first number ("+44 20 7946 0010 – 19"); a whole number is read as one.
    if len(ending) < MIN_DIGITS and not last.strip().startswith("+"):
        end_digits = start.digits[: -len(ending)] + ending
    else:
        end_digits = read_number(last, default_region).digits
    if len(end_digits) != len(start.digits):
        raise NumberError(f"+{start.digits} and +{end_digits} differ in length.")
    size = int(end_digits) - int(start.digits) + 1
    if size < 1:
        raise NumberError(f"The range ends at +{end_digits}, before it begins at +{start.digits}.")
    if size > limit:
        raise NumberError(f"This range holds {size:,} numbers; at most {limit:,} can be added at once.")
    return [describe(str(value)) for value in range(int(start.digits), int(end_digits) + 1)]


def read_list(text: str, default_region: str = "", *, limit: int) -> Iterator[WrittenNumber]:
    """Read a pasted list: one number or range a line (or separated by comma, semicolon, tab), ``#`` begins a remark.

    Words beside a number, as in a provider's table, are passed over: without a digit they are no misspelt number.
    Yield what each one holds, in order. Raise NumberError when more than ``limit`` numbers have been read.
    """
    count = 0
    for line, content in enumerate(text.splitlines(), start=1):
        parts = [part.strip() for part in _PARTS_OF_LIST.split(content.partition("#")[0]) if part.strip()]
        with_digits = [part for part in parts if _DIGIT.search(part)]
        for written in with_digits or parts[:1]:
            try:
                numbers = _numbers_of(written, default_region, limit)
            except NumberError as error:
                numbers = []
                yield WrittenNumber(line, written, None, str(error))
            count += max(len(numbers), 1)
            if count > limit:
                raise NumberError(f"At most {limit:,} numbers can be added at once.")
            for number in numbers:
                yield WrittenNumber(line, written, number)


def range_ends(written: str) -> tuple[str, str] | None:
    """Return first and last number of a text that is a range, "+44 20 7946 0010 - 19"; None where it is none."""
    ends = _RANGE_WORD.split(written)
    if len(ends) == 1:
        # 442079460010-442079460019: a lone hyphen between two whole numbers is a range, not grouping.
        halves = written.split("-")
        if len(halves) == 2 and all(len(phonenumbers.normalize_digits_only(half)) >= MIN_DIGITS for half in halves):
            ends = halves
    return (ends[0], ends[1]) if len(ends) == 2 and all(ends) else None


def _numbers_of(written: str, region: str, limit: int) -> list[Number]:
    ends = range_ends(written)
    if ends is None:
        return [read_number(written, region)]
    if not _DIGIT.search(ends[1]):
        return [read_number(ends[0], region)]  # "+44 20 7946 0018 - Reception"
    return read_range(*ends, region, limit=limit)
