"""The arithmetic of an invoice, pure: exact lines in, what is paid out (docs/billing.md has worked tables).

Amounts are rounded once per invoice, half away from zero, to the currency's minor unit (ISO 4217), never per line.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from billing.currencies import minor_digits, to_minor


@dataclass(frozen=True)
class Sums:
    """What stands under the lines.

    net + tax = gross, each in whole minor units. ``rounding`` is what was added to the exact sum of the lines to
    come to the net, or, where prices include tax, to the gross.
    """

    lines: Decimal
    rounding: Decimal
    net: Decimal
    tax: Decimal
    gross: Decimal


def sums_of(lines: Decimal, currency: str, tax_rate: Decimal, *, tax_included: bool) -> Sums:
    """Return the sums of exact lines, at a tax rate in percent."""
    rounded = to_minor(lines, currency)
    if not tax_included:
        tax = to_minor(rounded * tax_rate / 100, currency)
        return Sums(lines, rounded - lines, rounded, tax, rounded + tax)
    # The tax in a gross amount: one division, at more digits than any amount has, and one rounding.
    step = Decimal(1).scaleb(-minor_digits(currency))
    tax = (rounded * tax_rate / (100 + tax_rate)).quantize(step, rounding=ROUND_HALF_UP)
    return Sums(lines, rounded - lines, rounded - tax, tax, rounded)
