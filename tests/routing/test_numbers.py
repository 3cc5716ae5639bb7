"""Numbers are read from hostile text, or a reason is given why not."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from routing.numbers import Received, fits_tech_prefix, read_number, received_number

E164 = re.compile(r"[1-9][0-9]{6,14}")


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("sip:+442079460018@192.0.2.1", "+442079460018"),
        ("sip:442079460018@192.0.2.1:5060;user=phone;transport=udp", "442079460018"),
        ("sips:00442079460018@[2001:db8::1]", "00442079460018"),
        ("SIP:442079460018:secret@host", "442079460018"),
        ("sip:+44-20-7946.0018;isub=1@host;user=phone", "+442079460018"),
        ("sip:1001%23442079460018@host", "1001#442079460018"),
        ("sip:44207946001%38@host", "442079460018"),
        ("sip:%00442079460018%0A@host", "\ufffd442079460018\ufffd"),
        ("tel:+44-20-7946-0018", "+442079460018"),
        ("tel:+1(212)555-1234;npdi;rn=+12125550000", "+12125551234"),
        ('"Sales @ <desk>" <sip:+442079460018@host;user=phone>;tag=1', "+442079460018"),
        ("<sip:442079460018@host>", "442079460018"),
        ("  <tel:+442079460018>;x=1", "+442079460018"),
    ],
)
def test_a_number_is_taken_from_the_user_part(uri: str, text: str) -> None:
    assert received_number(uri) == Received(text)


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("", "absent"),
        ("sip:192.0.2.1", "without a user part"),
        ("sip:;user=phone@host", "without a number"),
        ("mailto:442079460018@host", "not a sip, sips or tel URI"),
        ("sip:44207%2@host", "a broken escape"),
        ("sip:44207%zz@host", "a broken escape"),
        ("sip:4420794600%@host", "a broken escape"),
        ("sip:" + "4" * 300 + "@host", "longer than 256 characters"),
    ],
)
def test_what_is_no_number_says_why(uri: str, problem: str) -> None:
    assert received_number(uri).problem == problem


@pytest.mark.parametrize(
    ("text", "prefix", "rules", "region", "number"),
    [
        ("+442079460018", "", (), "", "442079460018"),
        ("00442079460018", "", (), "", "442079460018"),
        ("442079460018", "", (), "", "442079460018"),
        ("02079460018", "", (), "GB", "442079460018"),
        ("2079460018", "", (), "GB", "442079460018"),
        ("442079460018", "", (), "GB", "442079460018"),
        ("+37120000001", "", (), "GB", "37120000001"),
        ("0037120000001", "", (), "GB", "37120000001"),
        ("12125551234", "", (), "US", "12125551234"),
        ("2125551234", "", (), "US", "12125551234"),
        ("442079460018", "", (), "US", "442079460018"),
        ("03012345678", "", (), "DE", "493012345678"),
        ("3012345678", "", (), "DE", "493012345678"),
        ("011442079460018", "", (), "US", "442079460018"),
        ("0669123456", "", (), "IT", "390669123456"),
        ("1001#442079460018", "1001#", (), "", "442079460018"),
        ("+1001#442079460018", "1001#", (), "", "442079460018"),
        ("100102079460018", "1001", (), "GB", "442079460018"),
        ("100100442079460018", "1001", (), "", "442079460018"),
        ("02079460018", "", (("0", "44"),), "", "442079460018"),
        ("9911442079460018", "", (("99", ""), ("9911", "")), "", "11442079460018"),
        ("9911442079460018", "", (("9911", ""), ("99", "")), "", "442079460018"),
        ("2079460018", "", (("", "+44"),), "", "442079460018"),
        ("*5442079460018", "", (("*5", "00"),), "", "442079460018"),
        ("+80012345678", "", (), "", "80012345678"),
        ("+883510000000094", "", (), "", "883510000000094"),
    ],
)
def test_numbers_are_translated_to_e164(
    text: str, prefix: str, rules: tuple[tuple[str, str], ...], region: str, number: str
) -> None:
    assert read_number(Received(text), prefix, rules, region).number == number


def test_a_global_phone_context_completes_a_local_number() -> None:
    received = received_number("sip:2079460018;phone-context=%2B44@host;user=phone")
    assert received == Received("2079460018", "+44")
    assert read_number(received).number == "442079460018"


def test_a_phone_context_leaves_a_global_number_alone_and_a_domain_says_nothing() -> None:
    assert read_number(received_number("tel:+442079460018;phone-context=+1")).number == "442079460018"
    assert received_number("tel:442079460018;phone-context=example.com").context == ""


@pytest.mark.parametrize(
    "text",
    ["", "abc", "sales", "44207946001x", "+", "00", "123456", "1234567890123456", "0", "+0442079460018", "44#207946001",
     "٤٤٢٠٧٩٤٦٠٠١٨", "４４２０７９４６００１８", "+44+2079460018"],
)  # fmt: skip
def test_letters_foreign_digits_and_wrong_lengths_are_refused(text: str) -> None:
    reading = read_number(Received(text))
    assert not reading.number
    assert reading.problem


@pytest.mark.parametrize(("digits", "fits"), [(6, False), (7, True), (15, True), (16, False)])
def test_seven_to_fifteen_digits(digits: int, fits: bool) -> None:
    assert bool(read_number(Received("1" * digits)).number) is fits


def test_the_tech_prefix_is_compared_less_a_leading_plus() -> None:
    assert fits_tech_prefix(Received("+1001442079460018"), "1001")
    assert fits_tech_prefix(Received("1001442079460018"), "1001")
    assert not fits_tech_prefix(Received("++1001442079460018"), "1001")
    assert fits_tech_prefix(Received("anything"), "")


hostile = st.one_of(
    st.text(max_size=300),
    st.text('sipstel:+%;=@<>"\\0123456789#*-.()ab[] ', max_size=80),
    st.builds(
        "sip:{}{}@{}".format,
        st.text("+0123456789%#*-", max_size=40),
        st.text(";=phone-context+19", max_size=30),
        st.text(max_size=20),
    ),
)
rules = st.lists(st.tuples(st.text("0123456789+*#", max_size=4), st.text("0123456789+*#", max_size=4)), max_size=3)


@given(hostile, st.text("0123456789*#", max_size=5), rules, st.sampled_from(["", "GB", "US", "DE", "LV", "ZZ"]))
@example("sip:%@h", "", [], "")
@example('"', "", [], "")
@example('"\\', "", [], "")
def test_whatever_comes_gives_an_e164_number_or_a_problem(
    uri: str, prefix: str, rules: list[tuple[str, str]], region: str
) -> None:
    reading = read_number(received_number(uri), prefix, tuple(rules), region)
    assert bool(E164.fullmatch(reading.number)) != bool(reading.problem)
    assert not (reading.number and reading.problem)


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True), st.sampled_from(["+", "00", ""]))
def test_international_forms_read_alike(number: str, form: str) -> None:
    assert read_number(received_number(f"sip:{form}{number}@192.0.2.1")).number == number


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True), st.text("0123456789*#", min_size=1, max_size=8))
def test_a_tech_prefix_comes_off_again(number: str, prefix: str) -> None:
    received = received_number(f"sip:{prefix.replace('#', '%23')}00{number}@192.0.2.1")
    assert fits_tech_prefix(received, prefix)
    assert read_number(received, prefix).number == number
