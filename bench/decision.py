"""A call and its decision records of a usual size, for filling databases."""

from typing import Any


def call_of() -> dict[str, Any]:
    """Return the INVITE's parts of a usual call."""
    from tests.calls import Call

    return Call().call


def accepted_record() -> dict[str, Any]:
    """Return the record of a call that passed all checks."""
    from routing.decision import Check, Decision, Outcome, Ref

    row = Ref("carrier_account", 1, "203.0.113.0/24", 3)
    checks = [
        Check(
            number, Outcome.PASSED, ("{} is inside {} of Carrier 1", "203.0.113.5", f"203.0.113.0/2{number % 9}"), row
        )
        for number in range(1, 15)
    ]
    parties = {name: Ref(name, 1, f"{name} 1", 3) for name in ("carrier", "did", "alias", "account", "client")}
    return Decision("accepted", 1, checks, number="442079460018", carrier_account=row, **parties).record()


def refused_record() -> dict[str, Any]:
    """Return the record of a call from an address that nobody listed."""
    from routing.decision import Check, Decision, Outcome

    near = "198.51.100.9 is 1,234 addresses past 198.51.96.0/24 of Carrier 1"
    said = ("{} is in no address or network of any carrier", "198.51.100.9")
    return Decision("source_not_listed", 1, [Check(1, Outcome.FAILED, said, None, near)]).record()
