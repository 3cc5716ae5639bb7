"""Amounts as people type them: what could be meant otherwise is asked back, never guessed."""

from decimal import Decimal

import pytest
from django import forms

from core.amounts import AmountField, typed_amount

FIELD = AmountField()


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("5", "5"),
        (" 5.00 ", "5.00"),
        (".5", "0.5"),
        ("1 250.50", "1250.50"),
        ("1\u202f250.50", "1250.50"),
        ("−3", "-3"),
    ],
)
def test_reads_plain_decimals(typed: str, amount: str) -> None:
    assert FIELD.clean(typed) == Decimal(amount)


@pytest.mark.parametrize("typed", ["5,00", "1,000", "1.250,50"])
def test_asks_back_where_a_comma_could_mean_two_things(typed: str) -> None:
    with pytest.raises(forms.ValidationError, match="point before the decimals"):
        FIELD.clean(typed)


@pytest.mark.parametrize("typed", ["1e9", "abc", "0x10", "NaN", "Infinity", "1.2.3", "--5", "1_000", "٣"])
def test_names_what_is_no_amount(typed: str) -> None:
    with pytest.raises(forms.ValidationError, match="no amount"):
        FIELD.clean(typed)


def test_is_no_number_input() -> None:
    """A browser's number input sends "5,00" as 500."""
    assert 'type="text"' in FIELD.widget.render("amount", "5,00", FIELD.widget_attrs(FIELD.widget))


@pytest.mark.parametrize(
    ("value", "typed"),
    [("50.000000", "50"), ("400", "400"), ("0.000000", "0"), ("7.500000", "7.5"), ("-0.000001", "-0.000001")],
)
def test_an_amount_in_a_field_is_one_that_the_field_reads_again(value: str, typed: str) -> None:
    assert typed_amount(Decimal(value)) == typed
    assert FIELD.clean(typed) == Decimal(value)


def test_an_amount_of_a_row_stands_in_its_field_as_it_would_be_typed() -> None:
    assert FIELD.prepare_value(Decimal("2.500000")) == "2.5"
    assert FIELD.prepare_value("2,5") == "2,5"


def test_no_amount_leaves_its_field_empty() -> None:
    assert typed_amount(None) is None
