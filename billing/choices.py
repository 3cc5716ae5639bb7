"""Kinds of products, ledger entries and reservations."""

from core.choices import ColouredChoices


class ProductKind(ColouredChoices):
    """Whose calls a product prices."""

    ORIGINATING_CARRIER = "originating_carrier", "blue", "Originating carrier"
    ACCOUNT = "account", "azure", "Account"


class EntryKind(ColouredChoices):
    """Why a ledger entry moved a balance."""

    PAYMENT = "payment", "green", "Payment"
    CHARGE = "charge", "secondary", "Charge"
    RENTAL = "rental", "secondary", "Rental"
    REFUND = "refund", "orange", "Refund"
    ADJUSTMENT = "adjustment", "purple", "Adjustment"
    TAX = "tax", "secondary", "Tax"
    ROUNDING = "rounding", "secondary", "Rounding"


class ReservationState(ColouredChoices):
    """Where the money set aside for a call went."""

    HELD = "held", "azure", "Held"
    RELEASED = "released", "secondary", "Released"
    CHARGED = "charged", "green", "Charged"
