"""Numbers as people write them become the same E.164 digits, or a reason why not."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import phone_numbers
from core.countries import area_of, country_choices
from core.number_lists import read_list, read_range
from core.phone_numbers import NumberError, describe, format_number, read_number


@pytest.mark.parametrize(
    ("written", "region", "digits", "country"),
    [
        ("+44 20 7946 0018", "", "442079460018", "GB"),
        ("0044 20 7946 0018", "", "442079460018", "GB"),
        ("0044 20 7946 0018", "US", "442079460018", "GB"),
        ("011 44 20 7946 0018", "US", "442079460018", "GB"),
        ("442079460018", "", "442079460018", "GB"),
        ("44 20 7946 0018", "GB", "442079460018", "GB"),
        ("(020) 7946-0018", "GB", "442079460018", "GB"),
        ("+44 (0)20 7946 0018", "", "442079460018", "GB"),
        ("tel:+1-212-555-0100", "", "12125550100", "US"),
        ("212.555.0100", "US", "12125550100", "US"),
        ("+39 06 6982 1234", "", "390669821234", "IT"),
        ("  +371 6722 2222 ", "", "37167222222", "LV"),
        ("٠٢٠٧٩٤٦٠٠١٨", "GB", "442079460018", "GB"),
    ],
)
def test_a_number_is_read_as_people_write_it(written: str, region: str, digits: str, country: str) -> None:
    number = read_number(written, region)
    assert number.digits == digits
    assert not number.warning
    assert number.country in {country, "VA"}  # +39 06 698 is shared with the Vatican


@pytest.mark.parametrize(
    ("written", "digits"),
    [("+800 1234 5678", "80012345678"), ("+883 5100 1234 5678", "883510012345678"), ("+888 1234 5678", "88812345678"),
     ("+44 20 7946 001", "44207946001")],
)  # fmt: skip
def test_an_unusual_but_possible_number_is_accepted_with_a_warning(written: str, digits: str) -> None:
    number = read_number(written)
    assert number.digits == digits
    assert number.warning


@pytest.mark.parametrize(
    ("written", "region", "reason"),
    [
        ("", "", "Enter a number"),
        ("0800 FLOWERS", "GB", "is not a number"),
        ("+442079460018;ext=3", "", "is not a number"),
        ("sip:442079460018@192.0.2.1", "", "is not a number"),
        ("12345", "", "too short"),
        ("+44 20 7946 00188", "", "too long for a number of +44"),
        ("+1 212 555 01", "US", "too short"),
        ("+999 1234567", "", "country code"),
        ("020 7946 0018", "", "national number"),
        ("+4420794600181234567", "", "too long"),
        ("+", "", "is not a number"),
    ],
)
def test_what_is_no_number_is_refused_with_the_reason(written: str, region: str, reason: str) -> None:
    with pytest.raises(NumberError, match=reason.replace("+", r"\+")):
        read_number(written, region)


regions = st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS))


@st.composite
def valid_numbers(draw: st.DrawFn) -> phonenumbers.PhoneNumber:
    """Numbers that their country's plan knows."""
    example = phonenumbers.example_number(draw(regions))
    national = str(example.national_number)
    tail = draw(st.integers(0, 9999))
    candidate = phonenumbers.PhoneNumber(
        country_code=example.country_code,
        national_number=int(f"{national[:-4]}{tail:04d}"),
        italian_leading_zero=example.italian_leading_zero,
        number_of_leading_zeros=example.number_of_leading_zeros,
    )
    return candidate if phonenumbers.is_valid_number(candidate) else example


@given(number=valid_numbers(), style=st.sampled_from(["e164", "international", "zeros", "bare", "rfc3966"]))
def test_every_international_spelling_of_a_valid_number_reads_as_its_e164_digits(
    number: phonenumbers.PhoneNumber, style: str
) -> None:
    digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
    written = {
        "e164": f"+{digits}",
        "international": phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL),
        "zeros": f"00{digits}",
        "bare": digits,
        "rfc3966": phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.RFC3966),
    }[style]
    if len(digits) < 7:
        return
    assert read_number(written).digits == digits


@given(number=valid_numbers())
def test_a_national_spelling_reads_back_within_its_own_country(number: phonenumbers.PhoneNumber) -> None:
    region = phonenumbers.region_code_for_number(number)
    national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
    # What phonenumbers itself cannot read back (some plans' national forms are ambiguous) is not ours to promise.
    try:
        again = phonenumbers.parse(national, region)
    except phonenumbers.NumberParseException:
        return
    if (
        again != number
        or not phonenumbers.is_valid_number(again)
        or len(phonenumbers.normalize_digits_only(national)) < 7
    ):
        return
    if phonenumbers.normalize_digits_only(national).startswith("00"):
        return
    assert read_number(national, region).digits == digits


@given(text=st.text(max_size=40), region=st.sampled_from(["", "GB", "US", "IT"]))
def test_any_text_is_read_or_refused_and_what_is_read_reads_the_same_again(text: str, region: str) -> None:
    try:
        number = read_number(text, region)
    except NumberError as error:
        assert str(error)
        return
    assert number.digits.isdecimal() and number.digits.isascii()
    assert 7 <= len(number.digits) <= 15 and number.digits[0] != "0"
    assert read_number("+" + number.digits).digits == number.digits
    assert phonenumbers.normalize_digits_only(format_number(number.digits)) == number.digits


@given(digits=st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True))
def test_formatting_never_adds_or_hides_a_digit(digits: str) -> None:
    assert phonenumbers.normalize_digits_only(format_number(digits)) == digits
    assert describe(digits).digits == digits


def test_a_range_may_be_ended_by_its_final_digits() -> None:
    whole = read_range("+44 20 7946 0010", "+44 20 7946 0012", limit=10)
    assert [number.digits for number in whole] == ["442079460010", "442079460011", "442079460012"]
    assert read_range("+44 20 7946 0010", "12", limit=10) == whole
    assert read_range("020 7946 0010", "020 7946 0012", "GB", limit=10) == whole


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [("+442079460018", "17", "before it begins"), ("+442079460018", "+4420794600188", "too long"),
     ("+442079460000", "999", "holds 1,000 numbers; at most 100"), ("+442079460018", "x", "not a number"),
     ("+442079460018", "+37167222222", "differ in length")],
)  # fmt: skip
def test_a_range_that_is_none_is_refused(first: str, last: str, reason: str) -> None:
    with pytest.raises(NumberError, match=reason.replace("+", r"\+")):
        read_range(first, last, limit=100)


def test_a_pasted_list_gives_each_line_its_numbers_or_its_reason() -> None:
    text = "+44 20 7946 0010 - 12\n\n# from the provider\n442079460020-442079460021; 020-7946-0099\nabc  # typo\n"
    read = list(read_list(text, "GB", limit=100))
    assert [(entry.line, entry.number.digits if entry.number else None) for entry in read] == [
        (1, "442079460010"), (1, "442079460011"), (1, "442079460012"),
        (4, "442079460020"), (4, "442079460021"), (4, "442079460099"), (5, None),
    ]  # fmt: skip
    assert "not a number" in read[-1].error


def test_words_beside_a_number_are_passed_over_and_a_misspelt_number_is_not() -> None:
    text = "+44 20 7946 0010\tLondon\n+44 20 7946 0011; Reception\n+44 20 7946 0012 - Fax\n+44 20 7946 OO13, x\nLondon"
    read = list(read_list(text, limit=100))
    assert [(entry.line, entry.number.digits if entry.number else entry.text) for entry in read] == [
        (1, "442079460010"), (2, "442079460011"), (3, "442079460012"), (4, "+44 20 7946 OO13"), (5, "London"),
    ]  # fmt: skip


def test_a_list_longer_than_allowed_is_refused_before_it_is_unfolded() -> None:
    with pytest.raises(NumberError, match="At most 10"):
        list(read_list("+442079460000 - 0009\n+442079460010", limit=10))


def test_areas_and_countries_are_in_words() -> None:
    assert area_of("442079460018") == "London"
    assert area_of("44207946001") == ""
    choices = country_choices()
    assert ("GB", "United Kingdom (+44)") in choices and ("XK", "Kosovo (+383)") in choices
    assert [code for code, name in choices if name.startswith(f"{code} ")] == []
    names = [name.split(" (")[0] for _, name in choices]
    assert names.index("Åland Islands") < names.index("Bahamas") and names.index("Côte d'Ivoire") < names.index("Cuba")


@pytest.mark.parametrize("region", ["GB", "US", "IT", "RU", "DE", "JE", "LV", "HU"])
def test_what_is_read_without_parsing_is_what_parsing_reads(region: str) -> None:
    """The quick way must never differ from phonenumbers' own, leading zeros and national prefixes included."""
    compared = 0
    for kind in range(11):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        stem = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)[1:-2]
        for tail in range(0, 100, 7):
            digits = f"{stem}{tail:02d}"
            quick = phone_numbers._described(digits)
            if quick is None:
                continue
            compared += 1
            parsed = phonenumbers.parse(f"+{digits}")
            assert phonenumbers.is_valid_number(parsed)
            assert quick == phone_numbers.Number(digits, country=phonenumbers.region_code_for_number(parsed))
            assert phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == f"+{digits}"
    assert compared
