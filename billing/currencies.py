"""How many decimals a currency's amounts are paid in (ISO 4217, "minor unit"); ledgers keep six whatever it is."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from core.fields import MONEY_STEP

# All others have two.
_MINOR_UNITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"), 0),
    **dict.fromkeys(("PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}


def minor_digits(currency: str) -> int:
    """Return the decimals of a currency's smallest amount: 2 of EUR, 0 of JPY, 3 of KWD."""
    return _MINOR_UNITS.get(currency, 2)


def to_minor(amount: Decimal, currency: str) -> Decimal:
    """Round an amount to what can be paid, half away from zero."""
    return amount.quantize(Decimal(1).scaleb(-minor_digits(currency)), rounding=ROUND_HALF_UP)


def decimals_of(amounts: Iterable[Decimal], currency: str) -> int:
    """Return with how many decimals all of these amounts can stand under each other."""
    needed = (-int(amount.normalize().as_tuple().exponent) for amount in amounts)
    return max([minor_digits(currency), *needed])


def amount_text(amount: Decimal, currency: str, decimals: int | None = None) -> str:
    """Return an amount with its currency's decimals, more only where it has more; spaces between thousands.

    ``decimals`` asks for at least so many, for amounts that stand under each other.
    """
    exact = abs(amount).quantize(MONEY_STEP)
    whole, _, fraction = f"{exact:,.6f}".replace(",", "\u202f").partition(".")
    digits = minor_digits(currency) if decimals is None else decimals
    fraction = fraction.rstrip("0").ljust(digits, "0")
    sign = "−" if amount < 0 and exact else ""
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"
