"""States of accounts and registrations."""

from core.choices import ColouredChoices


class AccountState(ColouredChoices):
    """Whether an account's aliases may be called."""

    ACTIVE = "active", "green", "Active"
    SUSPENDED = "suspended", "orange", "Suspended"
