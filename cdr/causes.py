"""What SIP codes and Q.850 causes are called in their standards."""

from routing.reasons import PHRASES

# Q.850 (05/98), 2.2.7: those that we give, and those that gateways commonly report.
Q850 = {
    1: "unallocated number",
    3: "no route to destination",
    16: "normal call clearing",
    17: "user busy",
    18: "no user responding",
    19: "no answer from user",
    20: "subscriber absent",
    21: "call rejected",
    27: "destination out of order",
    28: "invalid number format",
    31: "normal, unspecified",
    34: "no circuit available",
    38: "network out of order",
    41: "temporary failure",
    42: "switching equipment congestion",
    127: "interworking, unspecified",
}


def sip_phrase(code: int | None) -> str:
    """Return the generic phrase of a SIP code, or nothing."""
    return PHRASES.get(code or 0, "")


def q850_name(cause: int | None) -> str:
    """Return the name of a Q.850 cause, or nothing."""
    return Q850.get(cause or 0, "")
