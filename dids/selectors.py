"""Questions about the DID inventory."""

from django.db.models import QuerySet

from accounts.models import Account
from core.sip_addresses import SIP_DEFAULT_PORT, sip_host_port
from dids.choices import DIDState
from dids.models import DID


def dids_with_holders() -> QuerySet[DID]:
    """Return all DIDs by number, each with carrier, alias, account and client."""
    # Digest hashes are secrets: no list reads them.
    return DID.objects.select_related("carrier", "alias__account__client").defer("alias__ha1_md5", "alias__ha1_sha256")


def available_dids() -> QuerySet[DID]:
    """Return the DIDs that may be mapped now (operator's guide: "the list of available DIDs")."""
    return DID.objects.filter(state=DIDState.AVAILABLE).select_related("carrier", "sold_plan").order_by("number")


def dids_of_account(account: Account) -> QuerySet[DID]:
    """Return the DIDs that ring any alias of ``account``."""
    return dids_with_holders().filter(alias__account=account).order_by("number")


def sip_target(did: DID, address: str, port: int = SIP_DEFAULT_PORT) -> str:
    """Return what the provider must map the number to: ``sip:number@address`` (operator's guide).

    A switch that listens on another port than SIP's own must say so.
    """
    return f"sip:{did.number}@{sip_host_port(address, port)}"
