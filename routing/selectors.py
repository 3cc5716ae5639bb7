"""What pages ask of routing."""

import datetime as dt
from dataclasses import dataclass, field

from django.db import connection
from django.db.models import Max
from django.utils import timezone

from core.models import Heartbeat
from routing.models import ConfigVersion

ALIVE = dt.timedelta(seconds=5)
APPLYING_KINDS = ("decider", "switch")
SHOWN_VERSIONS = 50
KIND_WORDS = {
    "carrier": "Carrier", "carrier_account": "Carrier's address", "client": "Client", "account": "Account",
    "alias": "Alias", "did": "DID", "did_price": "Own price of DID", "product": "Product",
    "product_mapping": "Product mapping", "rate_table": "Rate table", "rate": "Rate", "trace_request": "Trace request",
}  # fmt: skip
# Beyond this, "and 1,000 more" says enough.
MOST_COUNTED = 1000


def newest_version() -> int:
    """Return the newest committed configuration version."""
    return ConfigVersion.objects.aggregate(newest=Max("id"))["newest"] or 0


@dataclass(frozen=True)
class Follower:
    """A decider or a switch, with the version it has in force."""

    beat: Heartbeat
    alive: bool
    behind: int | None

    @property
    def pill(self) -> tuple[str, str]:
        """Word and colour."""
        if not self.alive:
            return "No sign of life", "red"
        if self.behind is None:
            return "Unknown", "orange"
        return ("Applied", "green") if self.behind <= 0 else (f"{self.behind} behind", "orange")


def followers(now: dt.datetime | None = None) -> list[Follower]:
    """Return every decider and switch that ever reported, with how far it has followed."""
    newest, now = newest_version(), now or timezone.now()
    return [
        Follower(
            beat, now - beat.beat_at < ALIVE, None if beat.config_version is None else newest - beat.config_version
        )
        for beat in Heartbeat.objects.filter(kind__in=APPLYING_KINDS).order_by("kind", "name")
    ]


@dataclass
class ShownVersion:
    """One version: what changed, and whether all that live have it."""

    version: ConfigVersion
    changes: list[str] = field(default_factory=list)
    more: int = 0
    applied: bool = False

    @property
    def words(self) -> str:
        """What changed, as far as it is shown."""
        return ", ".join(self.changes)


def recent_versions(shown_changes: int = 4) -> list[ShownVersion]:
    """Return the newest versions with their changes in words; an import of a million rows is named, not read."""
    in_force = [f.beat.config_version for f in followers() if f.alive]
    lowest = min((version for version in in_force if version is not None), default=0) if in_force else 0
    versions = list(ConfigVersion.objects.order_by("-id")[:SHOWN_VERSIONS])
    shown = {version.id: ShownVersion(version, applied=bool(in_force) and version.id <= lowest) for version in versions}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT v.id, c.kind, c.row_id, c.body->>'number', c.body->>'name', c.body->>'username', "
            "c.body->>'network', c.body->>'code', c.body->>'prefix', c.body IS NULL "
            "FROM unnest(%s::bigint[]) v(id) CROSS JOIN LATERAL "
            "(SELECT kind, row_id, body FROM routing_configchange WHERE version_id = v.id LIMIT %s) c",
            [list(shown), shown_changes],
        )
        for version, kind, row_id, *names, gone in cursor.fetchall():
            shown[version].changes.append(change_words(kind, row_id, None if gone else next(filter(None, names), "")))
        cursor.execute(
            "SELECT v.id, count(*) FROM unnest(%s::bigint[]) v(id) CROSS JOIN LATERAL "
            "(SELECT 1 FROM routing_configchange WHERE version_id = v.id LIMIT %s) c GROUP BY v.id",
            [list(shown), MOST_COUNTED + shown_changes],
        )
        for version, count in cursor.fetchall():
            shown[version].more = max(0, count - shown_changes)
    return list(shown.values())


def change_words(kind: str, row_id: int, label: str | None) -> str:
    """Return one change in words: the kind and what the row is called; None means that it is gone."""
    words = KIND_WORDS.get(kind, kind)
    if label is None:
        return f"{words} {row_id} deleted"
    return f"{words} {'+' if kind == 'did' else ''}{label or row_id}"
