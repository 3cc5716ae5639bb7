"""Read the cells of a row of rates as people and other switches write them. Pure."""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from billing.models.formats import MOST_STEP_SECONDS
from billing.rate_fields import AMOUNTS, FORMAT, SECONDS
from core.jobs.rows import strange_character
from core.phone_numbers import shorten

ENABLED = {"enabled", "yes", "true", "1"}
DISABLED = {"disabled", "no", "false", "0"}
MOST_DIGITS = 12
MOST_DECIMALS = 6
MOST_TEXT = 200
# A spreadsheet's whole number may come with a fraction of nought.
_WHOLE = re.compile(r"(\d{1,10})(?:\.0+)?", re.ASCII)
_CODE = re.compile(r"\+?(\d{0,15})", re.ASCII)
_AMOUNT = re.compile(r"([+-]?)(\d*)(?:([.,])(\d*))?", re.ASCII)


# A file of 200,000 rows has few different cells but for its codes: most are read once.
remembered = lru_cache(maxsize=16_384)


class Unfit(ValueError):
    """The row is refused; the message says why."""


def read_code(cell: str) -> str:
    """Return a code's digits; empty matches every number. A leading plus is passed over. Raise Unfit."""
    text = cell.replace(" ", "")
    found = _CODE.fullmatch(text)
    if found is None:
        if "e+" in text.casefold():
            raise Unfit(f"A spreadsheet has shortened the code to {shorten(cell)}: format the column as text.")
        raise Unfit(f"The code “{shorten(cell)}” is not of digits, at most 15.")
    return found[1]


@remembered
def read_amount(cell: str, label: str) -> Decimal:
    """Return a price with six decimals; a comma before the decimals is read where it can mean nothing else.

    Raise Unfit.
    """
    text = cell.replace(" ", "").replace("\u00a0", "").replace("\u202f", "").replace("−", "-")
    found = _AMOUNT.fullmatch(text)
    if found is None or not (found[2] or found[4]):
        raise Unfit(f"{label} “{shorten(cell)}” is no amount: write it as 0.0125.")
    sign, whole, point, decimals = found[1], found[2] or "0", found[3], found[4] or ""
    if point == "," and len(decimals) == 3 and whole.strip("0"):
        raise Unfit(f"{label} “{shorten(cell)}” could be thousands or decimals: write a point before the decimals.")
    if len(decimals.rstrip("0")) > MOST_DECIMALS:
        raise Unfit(f"{label} “{shorten(cell)}” has more than {MOST_DECIMALS} decimals.")
    if len(whole.lstrip("0")) > MOST_DIGITS:
        raise Unfit(f"{label} “{shorten(cell)}” has more than {MOST_DIGITS} digits before the point.")
    return Decimal(f"{sign}{whole}.{decimals[:MOST_DECIMALS]:0<6}")


@remembered
def read_seconds(cell: str, label: str, least: int) -> int:
    """Return whole seconds, ``least`` or more, at most a day. Raise Unfit."""
    found = _WHOLE.fullmatch(cell)
    seconds = int(found[1]) if found else -1
    if found is None:
        raise Unfit(f"{label} “{shorten(cell)}” is not whole seconds.")
    if seconds > MOST_STEP_SECONDS:
        raise Unfit(f"{label} is at most {MOST_STEP_SECONDS:,} s, a day, not {seconds:,} s.")
    if seconds < least:
        raise Unfit(f"{label} is at least {least} s.")
    return seconds


@remembered
def read_enabled(cell: str) -> bool:
    """Return whether a code is enabled. Raise Unfit."""
    word = cell.casefold()
    if word in ENABLED:
        return True
    if word in DISABLED:
        return False
    raise Unfit(f"Enabled is “{shorten(cell)}”: write Enabled, Yes, True or 1, or Disabled, No, False or 0.")


def read_cells(cells: Mapping[str, str], currency: str) -> dict[str, Any]:
    """Return what a row says by column of the table; what it does not speak of is left out. Raise Unfit."""
    for name, cell in cells.items():
        if cell and not cell.isascii() and (found := strange_character(cell)):
            raise Unfit(f"{FORMAT[name]} holds the invisible character {found}.")
    values: dict[str, Any] = {"code": read_code(cells.get("code", ""))}
    if description := cells.get("description", ""):
        if len(description) > MOST_TEXT:
            raise Unfit(f"Description has {len(description):,} characters; at most {MOST_TEXT} are kept.")
        values["description"] = description
    if enabled := cells.get("enabled", ""):
        values["enabled"] = read_enabled(enabled)
    for name in AMOUNTS:
        if cell := cells.get(name, ""):
            values[name] = read_amount(cell, FORMAT[name])
    for name in SECONDS:
        if cell := cells.get(name, ""):
            values[name] = read_seconds(cell, FORMAT[name], 1 if name == "increment" else 0)
    told = cells.get("currency", "")
    if told and told.upper() != currency:
        raise Unfit(f"The row is in {shorten(told, 10)}, the table in {currency}; amounts are not converted.")
    return values
