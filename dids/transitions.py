"""What may become of a DID: one set of rules for a single DID, for many by hand, and for bulk changes.

Pure: no database, no clock. available → mapped → released → quarantine → available; suspended; retired.
"""

import dataclasses

from dids.choices import DIDState

# From which states each step may be taken.
MAP_FROM = frozenset({DIDState.AVAILABLE})
SUSPEND_FROM = frozenset({DIDState.AVAILABLE, DIDState.MAPPED})
RESUME_FROM = frozenset({DIDState.SUSPENDED})
RELEASE_FROM = frozenset({DIDState.QUARANTINE, DIDState.RETIRED})
RETIRE_FROM = frozenset({DIDState.AVAILABLE, DIDState.QUARANTINE, DIDState.SUSPENDED})


class Forbidden(Exception):
    """The step may not be taken; the message says why, after the DID's own state."""


@dataclasses.dataclass(frozen=True, slots=True)
class Holding:
    """A DID's state, and the alias it rings with that alias's account."""

    state: DIDState
    alias_id: int | None = None
    account_id: int | None = None


NEW = Holding(DIDState.AVAILABLE)


def suspended(now: Holding) -> Holding:
    """Stop calls; the alias is kept."""
    _require(now, SUSPEND_FROM)
    return dataclasses.replace(now, state=DIDState.SUSPENDED)


def resumed(now: Holding) -> Holding:
    """Put back into service: mapped where there is an alias, else available."""
    _require(now, RESUME_FROM)
    return dataclasses.replace(now, state=DIDState.MAPPED if now.alias_id else DIDState.AVAILABLE)


def mapped(now: Holding, alias_id: int, account_id: int) -> Holding:
    """Let an available DID ring an alias, or one that rings an alias another of the same account."""
    if now.alias_id is not None:
        if now.account_id != account_id:
            raise Forbidden("it rings another account's alias; release it first")
        return dataclasses.replace(now, alias_id=alias_id)
    _require(now, MAP_FROM)
    return Holding(DIDState.MAPPED, alias_id, account_id)


def unmapped(now: Holding, *, quarantine: bool) -> Holding:
    """Take a DID from its alias; a suspended one stays suspended."""
    if now.alias_id is None:
        raise Forbidden("it rings no alias")
    free = DIDState.QUARANTINE if quarantine else DIDState.AVAILABLE
    return Holding(free if now.state == DIDState.MAPPED else now.state)


def released(now: Holding, *, rested: bool, reasoned: bool = False) -> Holding:
    """Make available what has rested, or was retired and somebody says why it returns."""
    _require(now, RELEASE_FROM)
    if now.state == DIDState.RETIRED and not reasoned:
        raise Forbidden("it is retired; say on its own page why it returns to service")
    if now.state == DIDState.QUARANTINE and not rested:
        raise Forbidden("its quarantine has not ended; an administrator may end it early, with a reason")
    return NEW


def retired(now: Holding) -> Holding:
    """Take out of service for good; a DID that rings an alias is unmapped first."""
    _require(now, RETIRE_FROM)
    if now.alias_id is not None:
        raise Forbidden("it rings an alias; release it first")
    return Holding(DIDState.RETIRED)


def towards(now: Holding, wanted: DIDState, *, rested: bool) -> Holding:
    """Take the one step that leads to the wanted state; none where the DID is there."""
    if now.state == wanted:
        return now
    if wanted == DIDState.SUSPENDED:
        return suspended(now)
    if wanted == DIDState.RETIRED:
        return retired(now)
    if wanted in (DIDState.MAPPED, DIDState.AVAILABLE):
        after = resumed(now) if now.state == DIDState.SUSPENDED else None
        if after is None and wanted == DIDState.AVAILABLE and now.state in RELEASE_FROM:
            after = released(now, rested=rested)
        if after is not None and after.state == wanted:
            return after
    if wanted == DIDState.MAPPED:
        raise Forbidden("it has no alias to ring")
    if wanted == DIDState.QUARANTINE:
        raise Forbidden("only a DID that leaves its alias goes into quarantine")
    raise Forbidden("it rings an alias; release it first")


def _require(now: Holding, allowed: frozenset[DIDState]) -> None:
    if now.state not in allowed:
        words = "in quarantine" if now.state == DIDState.QUARANTINE else str(now.state.label).lower()
        raise Forbidden(f"it is {words}")
