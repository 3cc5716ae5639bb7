"""The life of a DID: added, mapped to an alias, moved, unmapped, suspended, retired. All of it or nothing."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import prefetch_related_objects
from django.utils import timezone

from accounts.models import Account, Alias
from core.history import acting
from core.models import User
from core.phone_numbers import format_number
from dids.choices import DIDState
from dids.models import DID

NAMED = 5


def map_dids(*, actor: User, did_ids: Iterable[int], alias: Alias, account: Account) -> list[DID]:
    """Map available DIDs to ``alias``, which must belong to ``account``; all of them or none.

    Raise ValidationError that names each DID which is not available any more and who has it now.
    """
    _check_alias(alias, account)
    with transaction.atomic(), acting(actor):
        dids = _locked(did_ids)
        taken = [did for did in dids if did.state != DIDState.AVAILABLE]
        if taken:
            raise ValidationError(_refusal("Nothing was mapped", [describe_holder(did) for did in taken]))
        return _write(dids, lambda did: (DIDState.MAPPED, alias))


def unmap_dids(
    *, actor: User, did_ids: Iterable[int], account: Account | None = None, quarantine: bool = False
) -> list[DID]:
    """Take DIDs from their aliases; they are available again, or rest in quarantine until somebody releases them.

    With ``account``, all must ring that account's aliases. Raise ValidationError that names those which do not.
    """
    with transaction.atomic(), acting(actor):
        dids = _locked(did_ids)
        wrong = [did for did in dids if did.alias is None or (account and did.alias.account_id != account.pk)]
        if wrong:
            raise ValidationError(_refusal("Nothing was unmapped", [describe_holder(did) for did in wrong]))
        free = DIDState.QUARANTINE if quarantine else DIDState.AVAILABLE
        return _write(dids, lambda did: (free if did.state == DIDState.MAPPED else did.state, None))


def move_dids(*, actor: User, did_ids: Iterable[int], alias: Alias, account: Account) -> list[DID]:
    """Move DIDs that ring one alias of ``account`` to another of the same; a suspended DID stays suspended."""
    _check_alias(alias, account)
    with transaction.atomic(), acting(actor):
        dids = _locked(did_ids)
        wrong = [did for did in dids if did.alias is None or did.alias.account_id != account.pk]
        if wrong:
            raise ValidationError(_refusal("Nothing was moved", [describe_holder(did) for did in wrong]))
        return _write(dids, lambda did: (did.state, alias))


def suspend_dids(*, actor: User, did_ids: Iterable[int]) -> list[DID]:
    """Stop calls to DIDs in service; each keeps its alias and rings it again after resume_dids."""
    allowed = {DIDState.AVAILABLE, DIDState.MAPPED}
    with transaction.atomic(), acting(actor):
        dids = _in_states(_locked(did_ids), allowed, "Nothing was suspended")
        return _write(dids, lambda did: (DIDState.SUSPENDED, did.alias))


def resume_dids(*, actor: User, did_ids: Iterable[int]) -> list[DID]:
    """Put suspended DIDs back into service: mapped where they have an alias, else available."""
    with transaction.atomic(), acting(actor):
        dids = _in_states(_locked(did_ids), {DIDState.SUSPENDED}, "Nothing was resumed")
        return _write(dids, lambda did: (DIDState.MAPPED if did.alias else DIDState.AVAILABLE, did.alias))


def release_dids(*, actor: User, did_ids: Iterable[int]) -> list[DID]:
    """Make DIDs available again that rest in quarantine or were retired."""
    allowed = {DIDState.QUARANTINE, DIDState.RETIRED}
    with transaction.atomic(), acting(actor):
        dids = _in_states(_locked(did_ids), allowed, "Nothing was released")
        return _write(dids, lambda did: (DIDState.AVAILABLE, None))


def retire_dids(*, actor: User, did_ids: Iterable[int]) -> list[DID]:
    """Take DIDs out of service for good, as when a number goes back to its carrier; none may be mapped."""
    allowed = {DIDState.AVAILABLE, DIDState.QUARANTINE, DIDState.SUSPENDED}
    with transaction.atomic(), acting(actor):
        dids = _in_states(_locked(did_ids), allowed, "Nothing was retired")
        mapped = [did for did in dids if did.alias]
        if mapped:
            raise ValidationError(_refusal("Nothing was retired", [describe_holder(did) for did in mapped]))
        return _write(dids, lambda did: (DIDState.RETIRED, None))


def delete_dids(*, actor: User, did_ids: Iterable[int]) -> int:
    """Delete DIDs that ring no alias, such as ones added by mistake; their history and past calls stay.

    Return how many. Raise ValidationError that names those still mapped.
    """
    with transaction.atomic(), acting(actor):
        dids = _locked(did_ids)
        mapped = [did for did in dids if did.alias]
        if mapped:
            raise ValidationError(_refusal("Nothing was deleted", [describe_holder(did) for did in mapped]))
        DID.objects.filter(pk__in=[did.pk for did in dids]).delete()
        return len(dids)


def update_did(*, actor: User, did: DID, **changes: Any) -> DID:
    """Change a DID's own fields (limit, notes, provider's number); its number and carrier stay."""
    with transaction.atomic(), acting(actor):
        locked = DID.objects.select_for_update(no_key=True).get(pk=did.pk)
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


def _in_states(dids: list[DID], allowed: set[DIDState], refusal: str) -> list[DID]:
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


def _refusal(what: str, reasons: Sequence[str]) -> str:
    named = "; ".join(reasons[:NAMED])
    more = f"; and {len(reasons) - NAMED:,} more" if len(reasons) > NAMED else ""
    return f"{what}: {named}{more}."
