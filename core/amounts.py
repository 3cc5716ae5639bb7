"""Amounts of money as people type them."""

import re
from decimal import Decimal
from typing import Any

from django import forms

# Digits of ASCII: as files of rates are read (billing.rate_cells), and as every page shows them.
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)
_BLANKS = re.compile(r"\s")  # also the thin space that our own pages set between thousands


def typed_amount(value: Decimal | None) -> str | None:
    """Return an amount as a person would type it, to stand in a field: without needless zeros, never as 5E+1."""
    return None if value is None else f"{value.normalize():f}"


class AmountField(forms.DecimalField):
    """An exact amount in a text input.

    A number input would not do: browsers drop the comma of "5,00" and send 500, and send nothing at all for a text
    they cannot read, so that it can neither be named nor shown again.
    """

    widget = forms.TextInput
    default_error_messages = {
        "invalid": "This is no amount: write digits, and a point before the decimals, such as 1250.50.",
        "comma": "Write a point before the decimals and nothing between thousands, such as 1250.50.",
        "max_digits": "An amount has at most 12 digits before the point.",
        "max_whole_digits": "An amount has at most 12 digits before the point.",
        "max_decimal_places": "An amount has at most 6 decimals.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_digits": 18, "decimal_places": 6, **kwargs})

    def widget_attrs(self, widget: Any) -> dict[str, Any]:
        """Ask phones for the keys of a number."""
        return super().widget_attrs(widget) | {"inputmode": "decimal", "class": "num", "autocomplete": "off"}

    def prepare_value(self, value: Any) -> Any:
        """Show an amount as it would be typed, not with all six decimals that the database keeps."""
        return typed_amount(value) if isinstance(value, Decimal) else value

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]
        """Read plain decimals only: no exponent, no comma, whose meaning differs from country to country."""
        if isinstance(value, str):
            value = _BLANKS.sub("", value).replace("−", "-")
            if "," in value:
                raise forms.ValidationError(self.error_messages["comma"], code="comma")
            if value and not PLAIN.fullmatch(value):
                raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)
