"""What calls cost and whose money pays for them."""

from billing.models.balances import Balance, LedgerEntry, Reservation
from billing.models.checks import LedgerCheck, LedgerDifference
from billing.models.formats import at_most_a_day, currency_code, digits_or_empty
from billing.models.free_seconds import FreeSeconds
from billing.models.products import FREE_INBOUND, Product, ProductMapping, Rate, RateTable

__all__ = [
    "FREE_INBOUND",
    "Balance",
    "FreeSeconds",
    "LedgerCheck",
    "LedgerDifference",
    "LedgerEntry",
    "Product",
    "ProductMapping",
    "Rate",
    "RateTable",
    "Reservation",
    "at_most_a_day",
    "currency_code",
    "digits_or_empty",
]
