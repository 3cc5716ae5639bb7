"""Whose money a rental plan moves, and how its first month counts."""

from core.choices import ColouredChoices


class RentalSide(ColouredChoices):
    """A number is bought from the carrier that provides it, and sold to the account that it rings."""

    BOUGHT = "bought", "indigo", "Bought"
    SOLD = "sold", "teal", "Sold"


class FirstPeriod(ColouredChoices):
    """What the rest of a month costs in which a rental begins."""

    PRORATED = "prorated", "azure", "Prorated by days"
    FULL = "full", "secondary", "Full month"
