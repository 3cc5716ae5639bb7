"""What a word of the quick search is taken for."""

import pytest

from systemlog.filters import address_in, number_digits


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("+44 20 7946 0018", "442079460018"),
        ("0044 20 79460018", "442079460018"),
        ("020.7946.0018", "02079460018"),
        ("(020) 7946-0018", "02079460018"),
        ("127.2.165.1", ""),
        ("203.0.113.70", ""),
        ("2001:db8::5", ""),
        ("reception", ""),
    ],
)
def test_a_number_is_told_from_an_address(text: str, digits: str) -> None:
    assert number_digits(text) == digits


def test_an_address_is_read_in_its_usual_form() -> None:
    assert address_in("[2001:DB8::0005]") == "2001:db8::5"
    assert address_in("127.1") == ""
