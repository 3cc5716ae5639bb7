"""A telephone number as a person writes it, read into E.164 digits (ITU-T E.164), and digits written for reading.

The switch's strict reading of what carriers send lives in routing; here a person types, pastes or looks at numbers.
Many at once are read by ``core.number_lists``; where a number lies, ``core.countries`` says.
"""

import dataclasses
import functools
import re

import phonenumbers
from phonenumbers import PhoneNumberFormat, ValidationResult

MIN_DIGITS = 7
MAX_DIGITS = 15

# Shared country codes that belong to no country, as ITU-T E.164 assigns them.
GLOBAL_CODES = {
    "800": "international freephone",
    "808": "international shared cost",
    "870": "Inmarsat satellite",
    "878": "universal personal telecommunications",
    "881": "global mobile satellite",
    "882": "international networks",
    "883": "international networks",
    "888": "telecommunications for disaster relief",
    "979": "international premium rate",
}
NO_COUNTRY = "001"  # What phonenumbers calls the region of the codes above.

# What a number may be written with.
WRITTEN = re.compile(r"^(?:tel:)?\+?[\d\s().\-\u2010-\u2015/\u00a0]+$", re.IGNORECASE)
_GROUPING = str.maketrans("", "", " ().-/\u00a0\u2010\u2011\u2012\u2013\u2014\u2015")
_PLAIN = re.compile(r"[1-9][0-9]{6,14}")


class NumberError(ValueError):
    """A text that is no telephone number; the message says why, in the words of the person who typed it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Number:
    """An E.164 number: its digits, its country (ISO 3166, empty where it has none), and what is unusual about it."""

    digits: str
    country: str = ""
    warning: str = ""


def read_number(text: str, default_region: str = "") -> Number:
    """Read a number written ``+44 20 7946 0018``, ``0044…``, ``44…``, or nationally within ``default_region``.

    Possible but unusual numbers (international freephone, ranges that no plan lists) are accepted with a warning.
    Raise NumberError with the reason where the text is no possible number.
    """
    written = text.strip()
    if not written:
        raise NumberError("Enter a number.")
    if not WRITTEN.match(written):
        raise NumberError(f"“{shorten(written)}” is not a number: use digits, such as +44 20 7946 0018.")
    written = re.sub(r"^tel:", "", written, flags=re.IGNORECASE)
    if plain := _international_digits(written, default_region):
        known = _described(plain)
        if known is not None:
            return known
    digits = phonenumbers.normalize_digits_only(written)
    if len(digits) < MIN_DIGITS:
        raise NumberError(f"“{shorten(written)}” is too short: a DID has at least {MIN_DIGITS} digits.")
    parsed = _parse(written, digits, default_region)
    return _judged(parsed, written)


def _international_digits(written: str, region: str) -> str:
    """Return the digits of a number that says itself that it is international, or nothing."""
    compact = written.translate(_GROUPING)
    if compact.startswith("+"):
        compact = compact[1:]
    elif compact.startswith("00"):
        compact = compact[2:]
    elif region:
        return ""
    return compact if _PLAIN.fullmatch(compact) else ""


def parse_digits(digits: str) -> phonenumbers.PhoneNumber | None:
    """Return E.164 ``digits`` as phonenumbers parses them, or None where no country has such a code."""
    return (_direct(digits) if _PLAIN.fullmatch(digits) else None) or _parsed("+" + digits, None)


def _direct(digits: str) -> phonenumbers.PhoneNumber | None:
    """Return E.164 ``digits`` as phonenumbers would parse them, many times faster; None where only parsing tells.

    Parsing tells of a leading zero that belongs to the number, of a national prefix that does not, and of codes that
    belong to no country.
    """
    for length in (1, 2, 3):
        code = int(digits[:length])
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code)
        if regions is not None:
            break
    else:
        return None
    national = digits[length:]
    if str(code) in GLOBAL_CODES or not national or national.startswith("0"):
        return None
    prefix = _national_prefix(regions[0])
    if prefix is not None and prefix.match(national):
        return None
    return phonenumbers.PhoneNumber(country_code=code, national_number=int(national))


@functools.cache
def _national_prefix(region: str) -> re.Pattern[str] | None:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    return (
        re.compile(metadata.national_prefix_for_parsing) if metadata and metadata.national_prefix_for_parsing else None
    )


def _described(digits: str) -> Number | None:
    """Return the Number of ``digits`` where it is a valid one of a country, as describe() would; else None."""
    parsed = _direct(digits)
    if parsed is None:
        return None
    region = phonenumbers.region_code_for_number(parsed)
    if not region or region == NO_COUNTRY:
        return None
    if not _found_by_validity(parsed.country_code, region) and not phonenumbers.is_valid_number_for_region(
        parsed, region
    ):
        return None
    return Number(digits, country=region)


@functools.cache
def _found_by_validity(code: int, region: str) -> bool:
    """Tell whether a number is placed in ``region`` only where it is valid there: so it is among those that share a
    code, unless leading digits tell them apart. Judging it again would take as long as all the rest.
    """
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    shared = len(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code, ())) > 1
    return shared and metadata is not None and metadata.leading_digits is None


def _parse(written: str, digits: str, region: str) -> phonenumbers.PhoneNumber:
    """Return the number meant: international where it says so, else national in ``region``, else international."""
    candidates: list[tuple[str, str | None]]
    if written.lstrip().startswith("+"):
        candidates = [("+" + _after_plus(written), None)]
    elif digits.startswith("00"):
        candidates = [("+" + digits[2:], None)]
    elif region:
        # 020… is national; 4420… without a plus may be either, and the reading that is a valid number wins.
        candidates = [(written, region), ("+" + digits, None)]
    elif digits.startswith("0"):
        raise NumberError(
            f"“{shorten(written)}” is a national number: write it with its country code, or choose the country."
        )
    else:
        candidates = [("+" + digits, None)]
    parsed = [number for number in (_parsed(*candidate) for candidate in candidates) if number]
    if not parsed:
        raise NumberError(f"“{shorten(written)}” does not begin with a country code.")
    for wanted in (phonenumbers.is_valid_number, phonenumbers.is_possible_number):
        for number in parsed:
            if wanted(number):
                return number
    return parsed[0]


def _after_plus(written: str) -> str:
    return written.lstrip().removeprefix("+")


def _parsed(written: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return None


def _judged(parsed: phonenumbers.PhoneNumber, written: str) -> Number:
    digits = phonenumbers.format_number(parsed, PhoneNumberFormat.E164).removeprefix("+")
    if len(digits) > MAX_DIGITS:
        raise NumberError(f"“{shorten(written)}” is too long: E.164 numbers have at most {MAX_DIGITS} digits.")
    if len(digits) < MIN_DIGITS or digits.startswith("0"):
        raise NumberError(f"“{shorten(written)}” is not a possible number.")
    code = str(parsed.country_code)
    verdict = phonenumbers.is_possible_number_with_reason(parsed)
    if code not in GLOBAL_CODES and verdict != ValidationResult.IS_POSSIBLE:
        if verdict == ValidationResult.INVALID_LENGTH:
            raise NumberError(f"+{digits} has a length that no number of +{code} has.")
        length = "long" if verdict == ValidationResult.TOO_LONG else "short"
        raise NumberError(f"+{digits} is too {length} for a number of +{code}.")
    return describe(digits)


def describe(digits: str) -> Number:
    """Return the Number of E.164 ``digits`` with its country and what is unusual about it."""
    if known := _described(digits):
        return known
    try:
        parsed = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return Number(digits, warning="No country has this code.")
    code = str(parsed.country_code)
    if code in GLOBAL_CODES:
        return Number(digits, warning=f"+{code} is {GLOBAL_CODES[code]}, not a country: ask whether it can be called.")
    if not phonenumbers.is_valid_number(parsed):
        region = phonenumbers.region_code_for_country_code(int(code))
        return Number(
            digits,
            country="" if region == NO_COUNTRY else region,
            warning=f"Possible, but in no numbering range known for +{code}.",
        )
    region = phonenumbers.region_code_for_number(parsed) or ""
    return Number(digits, country="" if region == NO_COUNTRY else region)


@functools.lru_cache(maxsize=20_000)
def format_number(digits: str) -> str:
    """Return E.164 ``digits`` for reading: ``+44 20 7946 0018``; what cannot be grouped gets a plus alone."""
    if not digits.isdigit():
        return digits
    try:
        parsed = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return "+" + digits
    formatted = phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)
    # A reading must never hide or add a digit (extensions, stripped prefixes of odd plans).
    return formatted if phonenumbers.normalize_digits_only(formatted) == digits else "+" + digits


def shorten(text: str, length: int = 40) -> str:
    """Return ``text`` cut to ``length`` characters, for messages that repeat what somebody pasted."""
    return text if len(text) <= length else text[: length - 1] + "…"
