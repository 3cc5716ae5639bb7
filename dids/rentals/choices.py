"""What a rental charge is for."""

from core.choices import ColouredChoices


class ChargeKind(ColouredChoices):
    """What is charged for a rented number."""

    SETUP = "setup", "azure", "Set-up"
    MONTHLY = "monthly", "secondary", "Month"
    REFUND = "refund", "orange", "Refund"
