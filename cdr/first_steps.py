"""What an operator of a new portal does next, in the order of the operator's guide."""

from dataclasses import dataclass

from django.urls import reverse

from carriers.models import Carrier
from dids.models import DID


@dataclass(frozen=True)
class Step:
    """A step of the guide, with the button that does it."""

    title: str
    text: str
    action: str
    url: str


def next_step() -> Step | None:
    """Return the next step before the first call can ring a phone; None once a DID is mapped."""
    if DID.objects.filter(alias__isnull=False).exists():
        return None
    if not Carrier.objects.exists():
        return Step(
            "Begin with your DID provider",
            "No call comes in yet. Add the carrier that provides your DID numbers; its page then says what is missing.",
            "Add carrier",
            reverse("carriers:carrier_add"),
        )
    if not DID.objects.exists():
        return Step(
            "Add its addresses and DID numbers",
            "Open the carrier: its tab Main lists what is missing before its calls come in.",
            "Open the carriers",
            reverse("carriers:carrier_list"),
        )
    return Step(
        "Map a DID number to an account",
        "Select the account, click its tab DIDs and “Add DID number”, and choose the alias that shall ring.",
        "Open the accounts",
        reverse("accounts:account_list"),
    )
