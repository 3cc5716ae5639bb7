"""The nearest miss of a refusal: what would have fitted, and by how little it did not."""

from routing.networks import Address, parse_network
from routing.snapshot import Snapshot

# A network further away than this says nothing about the call.
NEAR_ADDRESSES = 1 << 16


def network(source: str, address: Address, config: Snapshot) -> str:
    """Say which carrier's network is nearest to an address in none."""
    miss = config.networks.nearest(address)
    if miss is None or miss.distance > NEAR_ADDRESSES:
        return ""
    account = config.carrier_account(miss.id)
    carrier = config.carrier(account.carrier_id)
    count = f"{miss.distance} address{'es' if miss.distance > 1 else ''}"
    where = "past" if miss.past else "before"
    net = parse_network(account.network)
    name = account.network if net.last > net.first else account.network.partition("/")[0]
    return f"{source} is {count} {where} {name} of {carrier.name if carrier else '?'}"


def tech_prefix(text: str, prefixes: list[str]) -> str:
    """Say which tech prefixes would have fitted."""
    known = ", ".join(sorted(set(prefixes)))
    return f"{text.removeprefix('+')[:8]}… should start with {known}" if known else ""


def did(digits: str, config: Snapshot) -> str:
    """Say which DID is one digit away: another digit, one missing, one too many, or two neighbours swapped."""
    found = config.did_by_number
    for at, digit in enumerate(digits):
        for other in "0123456789":
            if (
                other != digit
                and (at or other != "0")
                and (number := int(digits[:at] + other + digits[at + 1 :])) in found
            ):
                return f"number differs in one digit from DID +{number}"
    for at in range(len(digits)):
        shorter = digits[:at] + digits[at + 1 :]
        if shorter and int(shorter) in found:
            return f"number has one digit more than DID +{int(shorter)}"
    for at in range(len(digits) + 1):
        for other in "0123456789":
            if (number := int(digits[:at] + other + digits[at:])) in found:
                return f"number has one digit less than DID +{number}"
    for at in range(len(digits) - 1):
        swapped = int(digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :])
        if swapped in found:
            return f"number has two digits swapped against DID +{swapped}"
    return ""
