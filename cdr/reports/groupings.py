"""By what a report's rows are made: its key, the name it shows, and the calls that a row stands for."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import CharField, F, OuterRef, Subquery, Value
from django.db.models.functions import Concat, NullIf, TruncMonth
from django.urls import reverse

from accounts.models import Account, Client
from carriers.models import Carrier
from core.business_time import DAY, day_bounds, next_month
from core.countries import country_choices
from core.sentences import set_for_reading
from dids.models import DID
from systemlog.references import page_of

MICROSECOND = dt.timedelta(microseconds=1)


@dataclass(frozen=True)
class Grouping:
    """One way to group; ``kind`` names what the keys are rows of, ``none`` the row without a key."""

    slug: str
    label: str
    key: Any
    kind: str = ""
    none: str = ""
    name: Callable[[], Any] | None = None
    order: str = ""

    def words(self, row: dict[str, Any]) -> str:
        """Return what a row is called."""
        key = row["key"]
        if self.slug == "month":
            return f"{key:%Y-%m}"
        if self.slug == "country":
            return dict(country_choices()).get(key, key) if key else self.none
        if key is None:
            return self.none
        if isinstance(key, dt.date):
            return key.isoformat()
        return row.get("name") or f"{self.label} {key}, deleted since"

    def url(self, row: dict[str, Any]) -> str:
        """Return the address of what a row is about; empty where it has no page."""
        return page_of(self.kind, row["key"]) if self.kind and row.get("name") else ""


class _Name(Subquery):
    """A name looked up once for each group: it follows from the key, so that rows need not be grouped by it."""

    def get_group_by_cols(self) -> list[Any]:
        """Return none; as a column to group by, it would be looked up for each of a million rows."""
        return []


def _named(model: type[Any], column: str, expression: Any) -> Callable[[], Any]:
    return lambda: _Name(
        model.objects.filter(pk=OuterRef(column)).order_by().values_list(expression)[:1], output_field=CharField()
    )


_ACCOUNT = Concat("name", Value(", "), "client__name")
GROUPINGS = {
    grouping.slug: grouping
    for grouping in (
        Grouping("carrier", "Carrier", F("carrier_id"), "carrier", "No carrier", _named(Carrier, "carrier_id", "name")),
        Grouping("client", "Client", F("client_id"), "client", "No client", _named(Client, "client_id", "name")),
        Grouping(
            "account", "Account", F("account_id"), "account", "No account", _named(Account, "account_id", _ACCOUNT)
        ),
        Grouping(
            "did", "DID", F("did_id"), "did", "No DID", _named(DID, "did_id", Concat(Value("+"), "number"))
        ),
        Grouping("country", "Country", NullIf(F("did__country"), Value("")), none="No country"),
        Grouping("day", "Day", F("day"), order="-key"),
        Grouping("month", "Month", TruncMonth("day"), order="-key"),
    )
}  # fmt: skip


def calls_url(row: dict[str, Any], by: Grouping, first: dt.date, last: dt.date, kept: dict[str, str]) -> str:
    """Return the address of the list of exactly the calls a row was made of; ``kept`` are the report's own filters."""
    key, query = row["key"], dict(kept)
    if by.slug == "day":
        first = last = key
    elif by.slug == "month":
        first, last = max(first, key), min(last, next_month(key) - DAY)
    elif by.slug == "country":
        query["country"] = key or "none"
    else:
        query[by.slug] = f"#{key or 0}"
    query["started_at_after"] = day_bounds(first)[0].isoformat()
    query["started_at_before"] = (day_bounds(last)[1] - MICROSECOND).isoformat()
    return f"{reverse('cdr:cdr_list')}?{urlencode(query)}"


def shown(words: str, by: Grouping) -> str:
    """Return a row's name set for reading."""
    return set_for_reading(words) if by.slug == "did" else words
