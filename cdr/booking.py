"""Book ended calls: what each charged leg costs goes to the ledger, in the transaction that writes the leg, and what
was reserved for the call is given back in the same moment.

Callers hold the locks of the calls' CDRs, so that one call is booked by one worker at a time. A leg is booked once;
where it is priced anew, because the switch told an end after all, the difference is booked as a correction. A price of
zero makes no entry.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal

from billing import reservations
from billing.choices import EntryKind
from billing.models import LedgerEntry
from billing.posting import LARGEST, CallLeg, LockedBalance, Posting, lock_balances, post_many
from billing.reservations import LegKey
from cdr.legs import Charged
from cdr.models import CDR
from core.fields import ZERO
from core.render import money_text
from systemlog.choices import Category, Severity
from systemlog.entries import write_entries
from systemlog.models import LogEntry

LONGEST_CALLER = 64


def book(
    legs: Iterable[Charged],
    rewritten: set[LegKey],
    records: Mapping[uuid.UUID, CDR],
    freed: Collection[LegKey] = (),
) -> None:
    """Post the charges of these legs, and close what is reserved for ``records``, which are all over.

    ``rewritten`` are legs that stood already and may have been booked, ``freed`` those whose free seconds are let go.

    The last step of a transaction, since it locks balances. A leg that cannot be booked is logged, and stays for the
    ledger's check to name; it must not cost the call its CDR.
    """
    charges: list[tuple[Charged, Posting]] = []
    booked = _booked(rewritten)
    for leg in legs:
        if (leg.attempt_id, leg.leg) in rewritten:
            charges += _corrections(leg, booked[leg.attempt_id, leg.leg], records[leg.attempt_id])
        elif leg.amount and leg.balance_id:
            charges.append((leg, _posting(leg, leg.balance_id, -leg.amount, records[leg.attempt_id])))
    held = reservations.held_balances(records)
    if not charges and not held:
        return
    balances = lock_balances({posting.balance_id for _, posting in charges} | held)
    if held:
        reservations.close(records, freed=freed, charged={leg.attempt_id for leg, _ in charges})
    refused = {posting.key: why for leg, posting in charges if (why := _obstacle(leg, posting, balances))}
    write_entries(
        _log_entry(leg, posting, refused.get(posting.key, ""), records[leg.attempt_id])
        for leg, posting in charges
        if posting.key in refused or (leg.attempt_id, leg.leg) in rewritten
    )
    post_many([posting for _, posting in charges if posting.key not in refused], balances)


def _booked(rewritten: set[LegKey]) -> dict[LegKey, list[tuple[int, Decimal]]]:
    """Return what was booked of these legs so far: balances and amounts, in order."""
    booked: dict[LegKey, list[tuple[int, Decimal]]] = defaultdict(list)
    if rewritten:
        entries = LedgerEntry.objects.filter(attempt_id__any={attempt for attempt, _ in rewritten}).order_by("id")
        for attempt, leg, balance, amount in entries.values_list("attempt_id", "leg", "balance_id", "amount"):
            if attempt is not None:
                booked[attempt, leg].append((balance, amount))
    return booked


def _corrections(leg: Charged, booked: list[tuple[int, Decimal]], record: CDR) -> list[tuple[Charged, Posting]]:
    """Return what brings the ledger from what was booked to what the leg costs now, on whichever balance."""
    missing: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for balance_id, amount in booked:
        missing[balance_id] -= amount
    if leg.balance_id:
        missing[leg.balance_id] -= leg.amount
    found: list[tuple[Charged, Posting]] = []
    for balance_id in sorted(missing):
        if missing[balance_id]:
            number = len(booked) + len(found)
            found.append((leg, _posting(leg, balance_id, missing[balance_id], record, number)))
    return found


def _posting(leg: Charged, balance_id: int, amount: Decimal, record: CDR, number: int = 0) -> Posting:
    """Return one posting of a leg; ``number`` counts those before it."""
    key = f"call:{leg.attempt_id}:{leg.leg}"
    words = _words(leg, record)
    return Posting(
        balance_id,
        EntryKind.CHARGE,
        amount,
        f"{key}:{number}" if number else key,
        note=f"Correction, {words[0].lower()}{words[1:]}" if number else words,
        call=CallLeg(leg.attempt_id, leg.started_at, leg.leg),
    )


def _words(leg: Charged, record: CDR) -> str:
    caller = record.caller_number[:LONGEST_CALLER]
    return f"Call to +{record.number}{f' from {caller}' if caller else ''}, {leg.charged_seconds} s"


def _obstacle(leg: Charged, posting: Posting, balances: Mapping[int, LockedBalance]) -> str:
    """Return why a charge cannot be booked; no amount is ever converted."""
    balance = balances.get(posting.balance_id)
    if balance is None:
        return "whose balance it is does not exist any more"
    if balance.currency != leg.currency:
        return f"the price is in {leg.currency}, the balance in {balance.currency}"
    if abs(balance.amount + posting.amount) >= LARGEST:
        return "the balance would have more digits than it holds"
    return ""


def _log_entry(leg: Charged, posting: Posting, refused: str, record: CDR) -> LogEntry:
    """Return the line of a charge that was refused or corrected; ordinary ones are in the ledger and on the CDR."""
    amount = f"{money_text(-posting.amount)} {leg.currency}"
    call = f"the call to +{record.number}"
    return LogEntry(
        at=record.ended_at or record.started_at,
        category=Category.BILLING,
        severity=Severity.ERROR if refused else Severity.INFO,
        reason="not_charged" if refused else "charge_corrected",
        message=(
            f"{amount} for {call} could not be charged to the {leg.leg}: {refused}."
            if refused
            else f"The charge of {call} to the {leg.leg} was corrected by {amount}: its end became known anew."
        ),
        attempt_id=record.attempt_id,
        number=record.number,
        source=record.source,
        call_id=record.call_id,
    )
