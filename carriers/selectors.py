"""Questions about carriers and their addresses."""

import dataclasses

from django.db.models import Case, Q, QuerySet, When

from carriers.models import Carrier, CarrierAccount
from core.counting import related_count

# Of a DID; this app stands below theirs, and may not import their states (dids/choices.py).
RETIRED = Q(state="retired")


def carriers_with_counts() -> QuerySet[Carrier]:
    """Return carriers by name with their balance and how many addresses and DIDs they have, retired ones left out."""
    return Carrier.objects.select_related("balance").annotate(
        account_count=related_count(Carrier, "accounts"),
        did_count=related_count(Carrier, "dids", leave_out=RETIRED),
    )


def accounts_of(carrier: Carrier) -> QuerySet[CarrierAccount]:
    """Return a carrier's addresses and subnets in the order of addresses."""
    return carrier.accounts.select_related("product")


def conflicting_accounts(account: CarrierAccount) -> QuerySet[CarrierAccount]:
    """Return the other entries that keep ``account`` out: its carrier's own duplicate first, then other carriers'.

    The same rule stands in the database as a unique and an exclusion constraint.
    """
    network, own = str(account.network), Q(carrier=account.carrier_id)
    return (
        CarrierAccount.objects.filter(network__net_overlaps=network, tech_prefix=account.tech_prefix)
        .filter(~own | Q(network=network))
        .exclude(pk=account.pk)
        .select_related("carrier")
        .order_by(Case(When(own, then=0), default=1), "network")
    )


def usual_region(carrier: Carrier) -> str:
    """Return the country whose national numbers this carrier's calls carry, where its addresses agree on one."""
    regions = set(carrier.accounts.exclude(default_region="").values_list("default_region", flat=True))
    return regions.pop() if len(regions) == 1 else ""


@dataclasses.dataclass(frozen=True, slots=True)
class SetupStep:
    """One step of the guide for a DID provider: what it asks, whether it is done, and the page that does it."""

    label: str
    done: bool
    url_name: str


def setup_steps(carrier: Carrier) -> list[SetupStep]:
    """Return the guide's steps for letting this carrier's calls in, in its order."""
    return [
        SetupStep("Carrier is DID provider", carrier.is_did_provider, "carriers:carrier_detail"),
        SetupStep("Some credit (few units)", carrier.balance.in_credit, "carriers:carrier_payment"),
        SetupStep("IP addresses it calls from", carrier.accounts.exists(), "carriers:carrier_accounts"),
        SetupStep("DID numbers it provides", carrier.dids.exists(), "carriers:carrier_dids"),
    ]
