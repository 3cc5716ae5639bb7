"""The life of a DID: added, mapped to an alias, moved, unmapped, suspended, retired. All of it or nothing."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import prefetch_related_objects
from django.utils import timezone

from accounts.models import Account, Alias
from core.history import acting
from core.keepers import what_keeps
from core.models import User
from core.phone_numbers import format_number
from dids.choices import DIDState
from dids.models import DID
from dids.plans.models import RentalPlan
from dids.prices import PriceCurrencies
from dids.quarantine import has_rested, quarantine_days, quarantine_end, rested_dids
from dids.rental_plans import plan_changes, price_for_account
from dids.transitions import MAP_FROM, RELEASE_FROM, RESUME_FROM, RETIRE_FROM, SUSPEND_FROM

NAMED = 5
QUARANTINES_AT_ONCE = 5_000


def map_dids(
    *, actor: User, did_ids: Iterable[int], alias: Alias, account: Account, sold_plan: RentalPlan | None = None
) -> list[DID]:
    """Map available DIDs to ``alias``, which must belong to ``account``; all of them or none.

    The account rents them by ``sold_plan``, else by the plan that each has, else by the default. Raise ValidationError
    that names each DID which is not available any more and who has it now, or a plan in another currency.
    """
    with transaction.atomic(), acting(actor):
        _check_alias(alias, account)
        dids = _locked(did_ids)
        taken = [did for did in dids if did.state not in MAP_FROM]
        if taken:
            raise ValidationError(_refusal("Nothing was mapped", [describe_holder(did) for did in taken]))
        _check_prices(dids, account)
        price_for_account(dids, account, sold_plan)
        return _write(dids, lambda did: (DIDState.MAPPED, alias))


def unmap_dids(
    *, actor: User, did_ids: Iterable[int], account: Account | None = None, quarantine: bool = False
) -> list[DID]:
    """Take DIDs from their aliases; they are available again, or rest in quarantine (DID_QUARANTINE_DAYS).

    With ``account``, all must ring that account's aliases. Raise ValidationError that names those which do not.
    """
    with transaction.atomic(), acting(actor):
        dids = _locked(did_ids)
        wrong = [did for did in dids if did.alias is None or (account and did.alias.account_id != account.pk)]
        if wrong:
            raise ValidationError(_refusal("Nothing was unmapped", [describe_holder(did) for did in wrong]))
        free = DIDState.QUARANTINE if quarantine and quarantine_days() else DIDState.AVAILABLE
        return _write(dids, lambda did: (free if did.state == DIDState.MAPPED else did.state, None))


def move_dids(*, actor: User, did_ids: Iterable[int], alias: Alias, account: Account) -> list[DID]:
    """Move DIDs that ring one alias of ``account`` to another of the same; a suspended DID stays suspended."""
    with transaction.atomic(), acting(actor):
        _check_alias(alias, account)
        dids = _locked(did_ids)
        wrong = [did for did in dids if did.alias is None or did.alias.account_id != account.pk]
        if wrong:
            raise ValidationError(_refusal("Nothing was moved", [describe_holder(did) for did in wrong]))
        return _write(dids, lambda did: (did.state, alias))


def suspend_dids(*, actor: User, did_ids: Iterable[int]) -> list[DID]:
    """Stop calls to DIDs in service; each keeps its alias and rings it again after resume_dids."""
    with transaction.atomic(), acting(actor):
        dids = _in_states(_locked(did_ids), SUSPEND_FROM, "Nothing was suspended")
        return _write(dids, lambda did: (DIDState.SUSPENDED, did.alias))


def resume_dids(*, actor: User, did_ids: Iterable[int]) -> list[DID]:
    """Put suspended DIDs back into service: mapped where they have an alias, else available."""
    with transaction.atomic(), acting(actor):
        dids = _in_states(_locked(did_ids), RESUME_FROM, "Nothing was resumed")
        return _write(dids, lambda did: (DIDState.MAPPED if did.alias else DIDState.AVAILABLE, did.alias))


def release_dids(*, actor: User, did_ids: Iterable[int], reason: str = "") -> list[DID]:
    """Make DIDs available again that have rested in quarantine or were retired.

    A retired one returns for a ``reason``, which its history keeps. One that still rests is released by an
    administrator only, and for a reason too. Else raise ValidationError that names it, or asks for the reason.
    """
    reason = reason.strip()
    with transaction.atomic(), acting(actor, **({"reason": reason} if reason else {})):
        dids = _in_states(_locked(did_ids), RELEASE_FROM, "Nothing was released")
        resting = [did for did in dids if not has_rested(did.state, did.state_since)]
        if resting and not actor.is_administrator:
            why = [f"{describe_holder(did)}{until_words(did)}" for did in resting]
            raise ValidationError(f"{_refusal('Nothing was released', why)} An administrator may end it early.")
        if resting and not reason:
            raise ValidationError({"reason": "Say why the quarantine ends early; the number's history keeps it."})
        if not reason and (retired := [did for did in dids if did.state == DIDState.RETIRED]):
            which = describe_holder(retired[0]) if len(dids) > 1 else "A retired number returns to service"
            raise ValidationError({"reason": f"{which}: say why; the number's history keeps it."})
        return _write(dids, lambda did: (DIDState.AVAILABLE, None))


def retire_dids(*, actor: User, did_ids: Iterable[int]) -> list[DID]:
    """Take DIDs out of service for good, as when a number goes back to its carrier; none may be mapped."""
    with transaction.atomic(), acting(actor):
        dids = _in_states(_locked(did_ids), RETIRE_FROM, "Nothing was retired")
        mapped = [did for did in dids if did.alias]
        if mapped:
            raise ValidationError(_refusal("Nothing was retired", [describe_holder(did) for did in mapped]))
        return _write(dids, lambda did: (DIDState.RETIRED, None))


def end_quarantines() -> int:
    """Make available every DID whose quarantine has ended; return how many. Run twice or late, it does the same."""
    total = 0
    while True:
        with transaction.atomic(), acting(None):
            # One that somebody is changing at this moment waits for the next time.
            resting = rested_dids().select_for_update(no_key=True, skip_locked=True).order_by("pk")
            dids = list(resting[:QUARANTINES_AT_ONCE])
            _write(dids, lambda did: (DIDState.AVAILABLE, None))
        total += len(dids)
        if len(dids) < QUARANTINES_AT_ONCE:
            return total


def change_states(dids: Iterable[DID], before: DIDState, after: DIDState) -> None:
    """Change the state of those DIDs that are in ``before``, and leave their aliases; the caller holds their locks."""
    ids = [did.pk for did in dids if did.state == before]
    DID.objects.filter(pk__in=ids, state=before).update(state=after, state_since=timezone.now())


def until_words(did: DID) -> str:
    """Return " until 2026-12-23 10:00 UTC" of a DID in quarantine, else nothing."""
    end = quarantine_end(did.state, did.state_since)
    return f" until {timezone.localtime(end):%Y-%m-%d %H:%M %Z}" if end else ""


def delete_dids(*, actor: User, did_ids: Iterable[int]) -> int:
    """Delete DIDs that ring no alias, such as ones added by mistake; their history and past calls stay.

    Return how many. Raise ValidationError that names those still mapped, and those that money refers to.
    """
    with transaction.atomic(), acting(actor):
        dids = _locked(did_ids)
        mapped = [did for did in dids if did.alias]
        if mapped:
            raise ValidationError(_refusal("Nothing was deleted", [describe_holder(did) for did in mapped]))
        kept = what_keeps(DID, [did.pk for did in dids])
        if kept:
            reasons = [f"{did} has {' and '.join(kept[did.pk])}" for did in dids if did.pk in kept]
            raise ValidationError(f"{_refusal('Nothing was deleted', reasons)} Retire such numbers instead.")
        DID.objects.filter(pk__in=[did.pk for did in dids]).delete()
        return len(dids)


def update_did(*, actor: User, did: DID, **changes: Any) -> DID:
    """Change a DID's own fields (limit, notes, provider's number, rental plans); its number and carrier stay."""
    with transaction.atomic(), acting(actor):
        locked = DID.objects.select_for_update(no_key=True).get(pk=did.pk)
        plan_changes(locked, changes)
        for field, value in changes.items():
            setattr(locked, field, value)
        locked.full_clean()
        locked.save(update_fields=list(changes))
        return locked


def describe_holder(did: DID) -> str:
    """Say in what state a DID is and, where it rings an alias, whose."""
    words = "in quarantine" if did.state == DIDState.QUARANTINE else str(DIDState(did.state).label).lower()
    number = format_number(did.number)
    if did.alias is None:
        return f"{number} is {words}"
    if did.state != DIDState.MAPPED:
        words += ", mapped"
    return f"{number} is {words} to {did.alias} of {did.alias.account.client} › {did.alias.account}"


def _locked(did_ids: Iterable[int]) -> list[DID]:
    """Lock DIDs in the order of their ids, so that two operators with overlapping choices queue instead of deadlock."""
    wanted = set(did_ids)
    if not wanted:
        raise ValidationError("Choose at least one DID.")
    dids = list(DID.objects.filter(pk__in=wanted).select_for_update(no_key=True).order_by("pk"))
    # Read after the lock is held: a join in the locking query would show the alias from before the wait.
    prefetch_related_objects(dids, "alias__account__client")
    if len(dids) != len(wanted):
        raise ValidationError(f"{len(wanted) - len(dids):,} of the chosen DIDs no longer exist; nothing was changed.")
    return dids


def _in_states(dids: list[DID], allowed: Collection[str], refusal: str) -> list[DID]:
    wrong = [did for did in dids if did.state not in allowed]
    if wrong:
        raise ValidationError(_refusal(refusal, [describe_holder(did) for did in wrong]))
    return dids


def _write(dids: list[DID], target: Callable[[DID], tuple[str, Alias | None]]) -> list[DID]:
    """Give each locked DID the state and alias that ``target`` says; a state that changes counts from now."""
    now = timezone.now()
    # Rows that become alike are written by one statement: ten thousand numbers are mapped in a second or two.
    alike: dict[tuple[str, int | None, bool], list[int]] = defaultdict(list)
    for did in dids:
        state, alias = target(did)
        alike[state, alias.pk if alias else None, state != did.state].append(did.pk)
        if state != did.state:
            did.state_since = now
        did.state, did.alias = state, alias
    for (state, alias_id, changes_state), ids in alike.items():
        values: dict[str, Any] = {"state": state, "alias_id": alias_id}
        if changes_state:
            values["state_since"] = now
        DID.objects.filter(pk__in=ids).update(**values)
    return dids


def _check_alias(alias: Alias, account: Account) -> None:
    if alias.account_id != account.pk:
        raise ValidationError({"alias": f"{alias} is no alias of {account}."})
    # Who archives the account waits here, and then counts the numbers that ring it.
    if Account.objects.select_for_update(of=("self",), no_key=True).get(pk=account.pk).archived_at:
        raise ValidationError({"alias": f"Account {account} is archived: take it back first."})


def _check_prices(dids: Iterable[DID], account: Account) -> None:
    currencies = PriceCurrencies()
    foreign = [words for did in dids if (words := currencies.conflict(did.pk, did.number, account.pk))]
    if foreign:
        raise ValidationError(_refusal("Nothing was mapped", foreign))


def _refusal(what: str, reasons: Sequence[str]) -> str:
    named = "; ".join(reasons[:NAMED])
    more = f"; and {len(reasons) - NAMED:,} more" if len(reasons) > NAMED else ""
    return f"{what}: {named}{more}."
