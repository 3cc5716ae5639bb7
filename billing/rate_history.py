"""What codes of a rate table cost on a day, also those changed or deleted since: from the versions triggers keep."""

import dataclasses
import datetime as dt
from collections import defaultdict
from typing import Any

from django.apps import apps

from billing.models import RateTable
from core.business_time import day_bounds
from core.models import User


@dataclasses.dataclass(frozen=True, slots=True)
class RateVersion:
    """One version of a rate: from when until when it stood (None: it stands), and who made it."""

    row: Any
    since: dt.datetime
    until: dt.datetime | None
    by: str


@dataclasses.dataclass(frozen=True, slots=True)
class CodeHistory:
    """The versions of one code that stood on a day; ``prices`` where it is the longest that stood at the day's end."""

    code: str
    versions: list[RateVersion]
    prices: bool


def codes_on(table: RateTable, digits: str, day: dt.date) -> list[CodeHistory]:
    """Return each code that starts ``digits`` and stood on a business day, the longest first, with its versions."""
    start, end = day_bounds(day)
    prefixes = {digits[:length] for length in range(len(digits) + 1)}
    events = apps.get_model("billing", "RateEvent")._default_manager
    named = events.filter(table_id=table.pk, code__in=prefixes, pgh_created_at__lt=end)
    touched = set(named.values_list("pgh_obj_id", flat=True))
    rows = events.filter(pgh_obj_id__in=touched, pgh_created_at__lt=end).select_related("pgh_context")
    by_rate: dict[int, list[Any]] = defaultdict(list)
    for row in rows.order_by("pgh_id"):
        by_rate[row.pgh_obj_id].append(row)
    names = _names(row for versions in by_rate.values() for row in versions)
    later = _first_changes(touched, end)
    found: dict[str, list[RateVersion]] = defaultdict(list)
    standing = set()
    for rate_id, versions in by_rate.items():
        for row, following in zip(versions, [*versions[1:], None], strict=True):
            until = following.pgh_created_at if following is not None else later.get(rate_id)
            gone = row.pgh_label == "delete" or (until is not None and (until <= start or until == row.pgh_created_at))
            if gone or row.code not in prefixes:
                continue
            found[row.code].append(RateVersion(row, row.pgh_created_at, until, names.get(_user(row), "")))
            if until is None or until >= end:
                standing.add(row.code)
    longest = max(standing, key=len, default=None)
    return [
        CodeHistory(code, sorted(versions, key=lambda version: version.since), prices=code == longest)
        for code, versions in sorted(found.items(), key=lambda pair: -len(pair[0]))
    ]


def _first_changes(rate_ids: set[int], end: dt.datetime) -> dict[int, dt.datetime]:
    """Return when each rate was changed first after the day."""
    events = apps.get_model("billing", "RateEvent")._default_manager
    later = events.filter(pgh_obj_id__in=rate_ids, pgh_created_at__gte=end).order_by("-pgh_id")
    return dict(later.values_list("pgh_obj_id", "pgh_created_at"))


def _user(row: Any) -> int:
    return (row.pgh_context.metadata.get("user") if row.pgh_context else None) or 0


def _names(rows: Any) -> dict[int, str]:
    users = User.objects.filter(pk__in={_user(row) for row in rows})
    return {user.pk: user.get_username() for user in users}
