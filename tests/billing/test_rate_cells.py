"""Cells of rate files are read exactly, or refused in words."""

import pytest

from billing.rate_cells import Unfit, read_amount, read_cells


@pytest.mark.parametrize(
    ("text", "amount"),
    [("0.0125", "0.012500"), ("-.5", "-0.500000"), ("1,5", "1.500000"), ("0,125", "0.125000"),
     ("1 234.5", "1234.500000"), ("−0.01", "-0.010000"), ("0.1230000", "0.123000"), ("+3", "3.000000")],
)  # fmt: skip
def test_amounts_are_read_exactly(text: str, amount: str) -> None:
    assert str(read_amount(text, "Rate Minute")) == amount


@pytest.mark.parametrize("text", ["1,234", "1.2.3", "1e3", "abc", "-", "0.1234567", "1234567890123", "٣", "NaN"])
def test_what_is_no_amount_or_may_mean_two_is_refused(text: str) -> None:
    with pytest.raises(Unfit):
        read_amount(text, "Rate Minute")


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"code": "44x"}, "not of digits"),
        ({"code": "4.42E+10"}, "format the column as text"),
        ({"code": "1234567890123456"}, "at most 15"),
        ({"code": "44", "enabled": "maybe"}, "write Enabled, Yes, True or 1"),
        ({"code": "44", "increment": "0"}, "at least 1 s"),
        ({"code": "44", "grace": "1.5"}, "not whole seconds"),
        ({"code": "44", "minimal_duration": "99999999999"}, "not whole seconds"),
        ({"code": "44", "minimal_duration": "2147483647"}, "Minimal Duration is at most 86,400 s, a day"),
        ({"code": "44", "increment": "86401"}, "Increment is at most 86,400 s, a day"),
        ({"code": "44", "grace": "86401"}, "Grace is at most 86,400 s, a day"),
        ({"code": "44", "description": "a\u202eb"}, "U+202E"),
        ({"code": "44", "description": "x" * 201}, "at most 200"),
    ],
)
def test_what_a_cell_cannot_be_is_said_in_words(cells: dict[str, str], words: str) -> None:
    with pytest.raises(Unfit, match=words.replace("+", r"\+")):
        read_cells(cells, "EUR")
