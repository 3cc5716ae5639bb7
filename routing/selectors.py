"""What pages ask of routing."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Max
from django.utils import timezone

from core.models import Heartbeat
from routing.models import ConfigChange, ConfigVersion

ALIVE = dt.timedelta(seconds=5)
APPLYING_KINDS = ("decider", "switch")
SHOWN_VERSIONS = 50
KIND_WORDS = {
    "carrier": "Carrier", "carrier_account": "Carrier's address", "client": "Client", "account": "Account",
    "alias": "Alias", "did": "DID", "product": "Product", "product_mapping": "Product mapping",
    "rate_table": "Rate table", "rate": "Rate", "trace_request": "Trace request",
}  # fmt: skip
LABELS = ("name", "username", "network", "number", "code", "prefix")


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


def recent_versions(shown_changes: int = 4) -> list[ShownVersion]:
    """Return the newest versions with their changes in words."""
    versions = list(ConfigVersion.objects.order_by("-id")[:SHOWN_VERSIONS])
    in_force = [f.beat.config_version for f in followers() if f.alive]
    lowest = min((version for version in in_force if version is not None), default=0) if in_force else 0
    shown = {version.id: ShownVersion(version, applied=bool(in_force) and version.id <= lowest) for version in versions}
    rows = ConfigChange.objects.filter(version_id__in=shown).order_by("version_id", "id")
    for change in rows.values("version_id", "kind", "row_id", "body")[:5000]:
        entry = shown[change["version_id"]]
        if len(entry.changes) < shown_changes:
            entry.changes.append(change_words(change))
        else:
            entry.more += 1
    return list(shown.values())


def change_words(change: Mapping[str, Any]) -> str:
    """Return one change in words: the kind, what the row is called, or that it is gone."""
    kind, body = KIND_WORDS.get(change["kind"], change["kind"]), change["body"]
    if body is None:
        return f"{kind} {change['row_id']} deleted"
    label = next((str(body[name]) for name in LABELS if body.get(name)), str(change["row_id"]))
    return f"{kind} {'+' if change['kind'] == 'did' else ''}{label}"
