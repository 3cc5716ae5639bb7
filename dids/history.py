"""Who had a DID, and who changed it: read from the versions that the database's triggers keep."""

import dataclasses
import datetime as dt
from typing import Any

from django.apps import apps

from accounts.models import Alias
from core.models import User
from dids.choices import DIDState
from dids.models import DID

TOLD = ("provider_number", "call_limit", "notes", "area", "country", "bought_plan_id", "sold_plan_id")


@dataclasses.dataclass(slots=True)
class Change:
    """One version of a DID: its state, whose alias it rang, what was said about it, and who made it."""

    at: dt.datetime
    state: DIDState
    state_label: str
    colour: str
    holder: str
    holder_url: str
    what: str
    by: str
    job: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Tenure:
    """A time during which a DID was somebody's; ``until`` is None while it is."""

    since: dt.datetime
    until: dt.datetime | None
    holder: str
    url: str


def holders_of(did: DID) -> list[Tenure]:
    """Return who had a DID and when, the last first; one who moved it between their aliases is told for each alias."""
    events = apps.get_model("dids", "DIDEvent").objects.filter(pgh_obj=did).order_by("pgh_id")
    found: list[list[Any]] = []
    current = None
    for at, alias_id in events.values_list("pgh_created_at", "alias_id"):
        if alias_id == current:
            continue
        if current is not None:
            found[-1][1] = at
        if alias_id is not None:
            found.append([at, None, alias_id])
        current = alias_id
    names = _holders({alias_id for _, _, alias_id in found})
    return [
        Tenure(since, until, *names.get(alias_id, (f"alias {alias_id}, since deleted", "")))
        for since, until, alias_id in reversed(found)
    ]


def history_of(did: DID, limit: int = 200) -> list[Change]:
    """Return the versions of a DID, newest first, each with its holder's names, also of rows since deleted."""
    events = list(
        apps.get_model("dids", "DIDEvent")
        .objects.filter(pgh_obj=did)
        .select_related("pgh_context")
        .order_by("-pgh_id")[: limit + 1]
    )
    holders = _holders({event.alias_id for event in events if event.alias_id})
    actors = {_user_id(event) for event in events}
    users = {user.pk: user.get_username() for user in User.objects.filter(pk__in=actors)}
    changes = []
    for index, event in enumerate(events[:limit]):
        before = events[index + 1] if index + 1 < len(events) else None
        state = DIDState(event.state)
        holder, url = holders.get(event.alias_id or 0, ("", ""))
        changes.append(
            Change(
                at=event.pgh_created_at,
                state=state,
                state_label=str(state.label),
                colour=state.colour,
                holder=holder,
                holder_url=url,
                what=_what(event, before),
                by=users.get(_user_id(event), ""),
                job=_told(event, "job"),
            )
        )
    return changes


def _user_id(event: Any) -> int:
    """Return who made a version, or 0 for no person."""
    return _told(event, "user") or 0


def _told(event: Any, name: str) -> Any:
    """Return what the context of a version says of itself."""
    return event.pgh_context.metadata.get(name) if event.pgh_context else None


def _what(event: Any, before: Any) -> str:
    """Say in words what a version changed."""
    if before is None:
        return "Added"
    if event.alias_id != before.alias_id:
        if event.alias_id and before.alias_id:
            return "Moved"
        return "Mapped" if event.alias_id else "Unmapped"
    if event.state != before.state:
        words = {"suspended": "Suspended", "retired": "Retired", "quarantine": "Put in quarantine"}
        if event.state == DIDState.AVAILABLE and before.state == DIDState.QUARANTINE:
            reason = _told(event, "reason")
            return f"Quarantine ended early: {reason}" if reason else "Quarantine ended"
        what = words.get(event.state, "Resumed" if before.state == DIDState.SUSPENDED else "Released")
        reason = _told(event, "reason")
        return f"{what}: {reason}" if reason else what
    changed = [
        str(event._meta.get_field(name.removesuffix("_id")).verbose_name)
        for name in TOLD
        if getattr(event, name) != getattr(before, name)
    ]
    return f"Changed {', '.join(changed)}" if changed else "Changed"


def _holders(alias_ids: set[int]) -> dict[int, tuple[str, str]]:
    """Return (names, address) of aliases by id; of a deleted one its last names and no address."""
    found = {
        alias.pk: (_names(alias.username, alias.account.name, alias.account.client.name), alias.get_absolute_url())
        for alias in Alias.objects.filter(pk__in=alias_ids).select_related("account__client")
    }
    gone = alias_ids - set(found)
    if gone:
        versions = apps.get_model("accounts", "AliasEvent").objects.filter(id__in=gone).order_by("pgh_id")
        found |= {version.id: (f"{version.username}, since deleted", "") for version in versions}
    return found


def _names(alias: str, account: str, client: str) -> str:
    return f"{alias} of {client} › {account}"
