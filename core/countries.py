"""Countries with their numbering plans (ISO 3166, ITU-T E.164), and the place that a number belongs to."""

import functools
import unicodedata
from typing import Any

import phonenumbers

from core.phone_numbers import parse_digits

# What phonenumbers has no name for.
_NAMES = {
    "AC": "Ascension Island", "BL": "Saint Barthélemy", "EH": "Western Sahara", "MF": "Saint Martin",
    "TA": "Tristan da Cunha", "XK": "Kosovo",
}  # fmt: skip


@functools.cache
def country_choices() -> list[tuple[str, str]]:
    """Return (ISO 3166 code, "United Kingdom (+44)") for every country that has a numbering plan, by name."""
    choices = []
    for region in phonenumbers.SUPPORTED_REGIONS:
        code = phonenumbers.country_code_for_region(region)
        choices.append((region, f"{country_name(region)} (+{code})"))
    # Without accents: "Åland Islands" stands among the A.
    return sorted(choices, key=lambda choice: unicodedata.normalize("NFKD", choice[1]))


@functools.cache
def country_name(region: str) -> str:
    """Return the English name of an ISO 3166 region, or the code itself where none is known."""
    example = phonenumbers.example_number(region) if region in phonenumbers.SUPPORTED_REGIONS else None
    named = _geocoder().country_name_for_number(example, "en") if example else ""
    return named or _NAMES.get(region, region)


def area_of(digits: str, *, valid: bool = False) -> str:
    """Return the place that E.164 ``digits`` belong to, in English, or nothing; ``valid``: it is known to be."""
    parsed = parse_digits(digits)
    if parsed is None or (not valid and not phonenumbers.is_valid_number(parsed)):
        return ""
    return _geocoder().description_for_valid_number(parsed, "en")


def _geocoder() -> Any:
    """Return the tables of places, which most processes never need: they take long to load."""
    from phonenumbers import geocoder

    return geocoder
