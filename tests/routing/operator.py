"""A small operator, committed: one carrier with credit, one mapped DID."""

from decimal import Decimal
from typing import Any

from billing.models import Balance
from dids.models import DID
from tests.inventory import a_carrier, a_user, an_account, an_address, an_alias, some_dids


def a_mapped_did() -> DID:
    """Make what a call from 203.0.113.5 to +442079460018 needs to ring desk-101."""
    actor = a_user()
    carrier = a_carrier(actor, is_did_provider=True)
    give_credit(carrier.balance)
    an_address(actor, carrier, "203.0.113.0/26")
    (did,) = some_dids(actor, carrier, "+442079460018")
    did.alias, did.state = an_alias(actor, an_account(actor)), "mapped"
    did.save()
    return did


def give_credit(balance: Balance, amount: str = "5") -> None:
    """Set a balance; tests of the ledger go through the ledger."""
    Balance.objects.filter(pk=balance.pk).update(amount=Decimal(amount))


def a_call(**parts: Any) -> dict[str, Any]:
    """Return the usual call as the switch asks about it."""
    usual = {
        "attempt": "57c9e038-5ad6-4b2e-8a8e-0d5f5f9a3f10",
        "at": "1795418480.747285",
        "source": "203.0.113.5",
        "port": 5060,
        "ruri": "sip:+442079460018@192.0.2.1",
    }
    return usual | parts
