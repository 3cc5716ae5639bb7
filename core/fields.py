"""Model fields of the product's own kinds."""

from decimal import Decimal
from typing import Any

from django.db import models

from core.amounts import AmountField


class MoneyField(models.DecimalField):
    """An exact amount, NUMERIC(18,6); never a float."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 18)
        kwargs.setdefault("decimal_places", 6)
        super().__init__(*args, **kwargs)

    def formfield(self, **kwargs: Any) -> Any:
        """Read it in forms as :class:`core.amounts.AmountField` does."""
        return models.Field.formfield(self, form_class=AmountField, **kwargs)


ZERO = Decimal("0.000000")
# The smallest amount that MoneyField holds: what is computed is rounded to it, once.
MONEY_STEP = Decimal("0.000001")
