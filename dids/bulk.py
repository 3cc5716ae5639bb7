"""DIDs added one by one, as a range, or pasted: planned line by line, shown, and applied as planned or not at all."""

import dataclasses
from collections import Counter
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone

from carriers.models import Carrier
from core.constraints import is_deadlock, refuse_archived, violated_constraint
from core.countries import area_of
from core.history import acting
from core.models import User
from core.number_lists import WrittenNumber, range_ends, read_list, read_range
from core.phone_numbers import NumberError, read_number
from core.preview import Outcome, PreviewOutdated, digest_of
from dids.models import DID
from dids.rental_plans import default_bought_plans
from dids.services import describe_holder

LIMIT = 10_000
LONGEST_PROVIDER_NUMBER = 32


@dataclasses.dataclass(frozen=True, slots=True)
class PlannedDID:
    """What adding one written number does; ``number`` (E.164 digits) is empty where the text holds none."""

    line: int
    text: str
    outcome: Outcome
    number: str
    country: str
    message: str


def plan_one(*, carrier: Carrier, text: str, default_region: str = "") -> list[PlannedDID]:
    """Return what adding one number, or a range written as one text, would do.

    Raise ValidationError beside ``number`` where it is neither.
    """
    try:
        if ends := range_ends(text.strip()):
            numbers = read_range(*ends, default_region, limit=LIMIT)
            return _plan(carrier, [WrittenNumber(index, "", number) for index, number in enumerate(numbers, start=1)])
        return _plan(carrier, [WrittenNumber(1, text.strip(), read_number(text, default_region))])
    except NumberError as error:
        raise ValidationError({"number": str(error)}) from error


def plan_range(*, carrier: Carrier, first: str, last: str, default_region: str = "") -> list[PlannedDID]:
    """Return what adding each number from ``first`` to ``last`` would do.

    Raise ValidationError beside ``number`` or ``last`` where the ends are no range.
    """
    try:
        read_number(first, default_region)
    except NumberError as error:
        raise ValidationError({"number": str(error)}) from error
    try:
        numbers = read_range(first, last, default_region, limit=LIMIT)
    except NumberError as error:
        raise ValidationError({"last": str(error)}) from error
    return _plan(carrier, [WrittenNumber(index, "", number) for index, number in enumerate(numbers, start=1)])


def plan_list(*, carrier: Carrier, text: str, default_region: str = "") -> list[PlannedDID]:
    """Return what adding each number of a pasted list would do. Raise ValidationError beside ``text``."""
    try:
        written = list(read_list(text, default_region, limit=LIMIT))
    except NumberError as error:
        raise ValidationError({"text": str(error)}) from error
    if not written:
        raise ValidationError({"text": "Paste one number or range a line."})
    return _plan(carrier, written)


def _plan(carrier: Carrier, written: Iterable[WrittenNumber]) -> list[PlannedDID]:
    entries = list(written)
    holders = _present([entry.number.digits for entry in entries if entry.number])
    first_line: dict[str, int] = {}
    plan = []
    for entry in entries:
        number = entry.number
        if number is None:
            plan.append(PlannedDID(entry.line, entry.text, Outcome.REFUSE, "", "", entry.error))
            continue
        outcome, message = (Outcome.WARN, number.warning) if number.warning else (Outcome.ADD, "")
        if number.digits in first_line:
            outcome, message = Outcome.SAME, f"Already on line {first_line[number.digits]}."
        elif holder := holders.get(number.digits):
            own = holder.carrier_id == carrier.pk
            outcome = Outcome.SAME if own else Outcome.REFUSE
            message = explain_duplicate(holder, carrier)
        else:
            first_line[number.digits] = entry.line
        plan.append(PlannedDID(entry.line, entry.text, outcome, number.digits, number.country, message))
    return plan


def _present(numbers: list[str]) -> dict[str, DID]:
    dids = DID.objects.filter(number__in=numbers).select_related("carrier", "alias__account__client")
    return {did.number: did for did in dids}


def explain_duplicate(did: DID, carrier: Carrier) -> str:
    """Say that a number is in the inventory already, with which carrier, and who has it."""
    if did.carrier_id == carrier.pk:
        return f"{carrier} has it already: {describe_holder(did)}."
    return f"Already a DID of carrier {did.carrier}: {describe_holder(did)}."


def add_dids(*, actor: User, carrier: Carrier, plan: list[PlannedDID], previewed: str) -> list[DID]:
    """Add the DIDs that ``plan``, made now, shares with the preview of digest ``previewed``; return them.

    Raise PreviewOutdated, and change nothing, when the outcome of any line is another by now.
    """
    if digest_of(plan) != previewed:
        raise PreviewOutdated(plan)
    now = timezone.now()
    rows = [row for row in plan if row.outcome.applies]
    # A text that gave one number is how the provider writes it; one that gave many is a range.
    uses = Counter(row.text for row in plan)
    bought = default_bought_plans(carrier, (row.country for row in rows))
    dids = [
        DID(
            number=row.number,
            provider_number=row.text if uses[row.text] == 1 and len(row.text) <= LONGEST_PROVIDER_NUMBER else "",
            carrier=carrier,
            country=row.country,
            area=area_of(row.number)[:100],
            bought_plan=bought[row.country],
            state_since=now,
        )
        for row in rows
    ]
    try:
        with transaction.atomic(), acting(actor):
            DID.objects.bulk_create(dids, batch_size=1000)
            refuse_archived(carrier, "carrier")
    except (IntegrityError, OperationalError) as error:
        if "number" not in violated_constraint(error) and not is_deadlock(error):
            raise
        raise PreviewOutdated(_replan(carrier, plan)) from error
    return dids


def _replan(carrier: Carrier, plan: list[PlannedDID]) -> list[PlannedDID]:
    """Return what the same lines would do by now."""
    holders = _present([row.number for row in plan if row.number])
    return [
        dataclasses.replace(
            row,
            outcome=Outcome.SAME if holders[row.number].carrier_id == carrier.pk else Outcome.REFUSE,
            message=explain_duplicate(holders[row.number], carrier),
        )
        if row.outcome.applies and row.number in holders
        else row
        for row in plan
    ]
