"""The life cycle of a DID."""

from core.choices import ColouredChoices


class DIDState(ColouredChoices):
    """available → mapped → released → quarantine → available; suspended; retired."""

    AVAILABLE = "available", "azure", "Available"
    MAPPED = "mapped", "green", "Mapped"
    QUARANTINE = "quarantine", "secondary", "Quarantine"
    SUSPENDED = "suspended", "orange", "Suspended"
    RETIRED = "retired", "secondary", "Retired"
