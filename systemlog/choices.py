"""Categories and severities of System Log."""

from core.choices import ColouredChoices


class Category(ColouredChoices):
    """What an entry is about. *call reject*: who calls is not accepted. *routing reject*: where to is not resolved."""

    CALL = "call", "green", "call"
    CALL_REJECT = "call reject", "red", "call reject"
    ROUTING_REJECT = "routing reject", "orange", "routing reject"
    REGISTRATION = "registration", "azure", "registration"
    BILLING = "billing", "purple", "billing"
    CONFIGURATION = "configuration", "indigo", "configuration"
    SWITCH = "switch", "secondary", "switch"


class Severity(ColouredChoices):
    """How much an entry matters to the person who reads it."""

    INFO = "info", "secondary", "info"
    NOTICE = "notice", "azure", "notice"
    WARNING = "warning", "orange", "warning"
    ERROR = "error", "red", "error"
