"""Many addresses pasted at once: planned line by line, shown, and applied as planned or not at all."""

import dataclasses

from django.core.exceptions import ValidationError
from django.db import transaction

from billing.models import Product
from carriers.models import Carrier, CarrierAccount
from carriers.networks import Network, read_networks
from carriers.selectors import conflicting_accounts
from carriers.services import explain_conflict, explained_conflicts, lock_addresses, product_conflict
from core.history import acting
from core.models import User
from core.preview import Outcome, PreviewOutdated, digest_of

LIMIT = 1000


@dataclasses.dataclass(frozen=True, slots=True)
class PlannedNetwork:
    """What adding one pasted line does; ``network`` is None where the line holds none."""

    line: int
    text: str
    outcome: Outcome
    network: Network | None
    description: str
    message: str


def plan_networks(*, carrier: Carrier, text: str, tech_prefix: str = "") -> list[PlannedNetwork]:
    """Return what adding each line of ``text`` to ``carrier`` would do, in order.

    Raise ValidationError beside ``text`` when it holds nothing or more than can be added at once.
    """
    written = list(read_networks(text))
    if not written:
        raise ValidationError({"text": "Paste one address or subnet a line."})
    if len(written) > LIMIT:
        raise ValidationError(
            {"text": f"At most {LIMIT:,} addresses can be added at once; these are {len(written):,}."}
        )
    plan: list[PlannedNetwork] = []
    first_line: dict[Network, int] = {}
    for entry in written:
        outcome, message = Outcome.ADD, ""
        if entry.network is None:
            outcome, message = Outcome.REFUSE, entry.error
        elif entry.network in first_line:
            outcome, message = Outcome.SAME, f"Already on line {first_line[entry.network]}."
        else:
            first_line[entry.network] = entry.line
            outcome, message = _outcome(carrier, entry.network, tech_prefix)
        plan.append(PlannedNetwork(entry.line, entry.text, outcome, entry.network, entry.description, message))
    return plan


def _outcome(carrier: Carrier, network: Network, tech_prefix: str) -> tuple[Outcome, str]:
    candidate = CarrierAccount(carrier=carrier, network=network, tech_prefix=tech_prefix)
    other = conflicting_accounts(candidate).first()
    if other is None:
        return Outcome.ADD, ""
    return Outcome.SAME if other.carrier_id == carrier.pk else Outcome.REFUSE, explain_conflict(candidate, other)


def add_networks(
    *, actor: User, carrier: Carrier, text: str, product: Product, tech_prefix: str = "", previewed: str
) -> list[CarrierAccount]:
    """Add what the preview with digest ``previewed`` promised, in one transaction; return the new entries.

    Raise PreviewOutdated, and change nothing, when the outcome of any line is another by now.
    """
    if conflict := product_conflict(carrier, product):
        raise ValidationError({"product": conflict})
    accounts: list[CarrierAccount] = []
    try:
        with explained_conflicts(), transaction.atomic(), acting(actor):
            lock_addresses()
            plan = plan_networks(carrier=carrier, text=text, tech_prefix=tech_prefix)
            if digest_of(plan) != previewed:
                raise PreviewOutdated(plan)
            for row in plan:
                if row.outcome.applies:
                    account = CarrierAccount(carrier=carrier, network=row.network, product=product)
                    account.tech_prefix, account.description = tech_prefix, row.description
                    account.full_clean(validate_unique=False, validate_constraints=False)
                    accounts.append(account)
            CarrierAccount.objects.bulk_create(accounts)
    except ValidationError as error:
        if "network" not in error.error_dict:
            raise
        raise PreviewOutdated(plan_networks(carrier=carrier, text=text, tech_prefix=tech_prefix)) from error
    return accounts
