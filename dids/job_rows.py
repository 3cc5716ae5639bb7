"""DIDs as bulk changes read them: few columns, thousands at a time, each with the version it has."""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from django.db import connection

from accounts.models import Alias
from carriers.models import Carrier
from core.jobs.kinds import Told
from dids.choices import DIDState
from dids.plans.models import RentalPlan
from dids.quarantine import has_rested
from dids.transitions import Holding

WRITTEN = (
    "number", "provider_number", "carrier_id", "alias_id", "state", "country", "area", "call_limit", "notes",
    "bought_plan_id", "sold_plan_id",
)  # fmt: skip
LABELS = {
    "provider_number": "Provider's spelling",
    "carrier_id": "Carrier",
    "alias_id": "Alias",
    "state": "State",
    "country": "Country",
    "area": "Area",
    "call_limit": "Call limit",
    "notes": "Notes",
    "bought_plan_id": "Bought by plan",
    "sold_plan_id": "Sold by plan",
}
# xmin tells one version of a row from another; the account is needed to judge a move.
_QUERY = (
    "SELECT d.id, d.xmin::text::bigint, d.number, d.provider_number, d.carrier_id, d.alias_id, a.account_id, d.state, "
    "d.state_since, d.country, d.area, d.call_limit, d.notes, "
    "d.bought_plan_id, d.sold_plan_id FROM dids_did d LEFT JOIN accounts_alias a ON a.id = d.alias_id "
)


class DIDRow(NamedTuple):
    """A DID as it is now."""

    id: int
    version: int
    number: str
    provider_number: str
    carrier_id: int
    alias_id: int | None
    account_id: int | None
    state: str
    state_since: dt.datetime
    country: str
    area: str
    call_limit: int | None
    notes: str
    bought_plan_id: int | None
    sold_plan_id: int | None

    @property
    def holding(self) -> Holding:
        """Return its state and whose it is."""
        return Holding(DIDState(self.state), self.alias_id, self.account_id)

    @property
    def plans(self) -> dict[str, int | None]:
        """Return its rental plans by column."""
        return {"bought_plan_id": self.bought_plan_id, "sold_plan_id": self.sold_plan_id}

    @property
    def rested(self) -> bool:
        """Tell whether it does not rest in quarantine, or no longer needs to."""
        return has_rested(self.state, self.state_since)


class AliasRow(NamedTuple):
    """An alias that a row names."""

    id: int
    username: str
    account_id: int


def dids_numbered(numbers: Collection[str]) -> dict[str, DIDRow]:
    """Return the DIDs with these numbers, by number."""
    return {row.number: row for row in _rows("WHERE d.number = ANY(%s)", list(numbers))}


def dids_chosen(ids: Collection[int]) -> dict[int, DIDRow]:
    """Return the DIDs with these ids, by id."""
    return {row.id: row for row in _rows("WHERE d.id = ANY(%s)", list(ids))}


def _rows(where: str, values: list[Any]) -> Iterable[DIDRow]:
    with connection.cursor() as cursor:
        cursor.execute(_QUERY + where, [values])
        return [DIDRow(*row) for row in cursor.fetchall()]


def aliases_named(usernames: Collection[str]) -> dict[str, AliasRow]:
    """Return the aliases with these SIP user names."""
    found = Alias.objects.filter(username__in=usernames).values_list("pk", "username", "account_id")
    return {row[1]: AliasRow(*row) for row in found} if usernames else {}


def tell_dids(lines: Sequence[Any]) -> dict[int, Told]:
    """Return by line what changes, in words: names of carriers and aliases instead of their ids."""
    sides = [side for line in lines for side in (line.before, line.after) if side]
    carriers = dict(
        Carrier.objects.filter(pk__in={s.get("carrier_id") for s in sides} - {None}).values_list("pk", "name")
    )
    aliases = dict(
        Alias.objects.filter(pk__in={s.get("alias_id") for s in sides} - {None}).values_list("pk", "username")
    )

    plan_ids = {s.get(name) for s in sides for name in ("bought_plan_id", "sold_plan_id")} - {None}
    plans = dict(RentalPlan.objects.filter(pk__in=plan_ids).values_list("pk", "name")) if plan_ids else {}

    def words(name: str, side: dict[str, Any] | None) -> str:
        value = (side or {}).get(name)
        if value is None or value == "":
            return ""
        if name == "carrier_id":
            return carriers.get(value, f"#{value}")
        if name == "alias_id":
            return aliases.get(value, f"#{value}")
        if name.endswith("_plan_id"):
            return plans.get(value, f"#{value}")
        return str(DIDState(value).label) if name == "state" else str(value)

    return {
        line.line: [
            (label, words(name, line.before), words(name, line.after))
            for name, label in LABELS.items()
            if name in (line.after or {}) and (words(name, line.before) or words(name, line.after))
        ]
        for line in lines
    }
