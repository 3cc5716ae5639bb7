"""Log every change of the configuration and every payment: who changed what, from what to what.

The history that triggers keep (django-pghistory) is the source, so that no change goes unlogged, whatever made it: a
page, the API, a command, or SQL. The consumer's process reads it within a second or two.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Count, Min, OuterRef, Subquery

from billing.models import LedgerEntry
from billing.selectors import owner_of
from core.models import User
from core.render import money_text
from systemlog.choices import Category, Severity
from systemlog.duties import duty
from systemlog.entries import ref, write_entries
from systemlog.follow import AT_ONCE, Source, new_rows, waiting
from systemlog.models import LogEntry

# Each history table with what its rows are called in entries; the label names the page that they link to.
FOLLOWED = {
    "carriers.CarrierEvent": "carrier",
    "carriers.CarrierAccountEvent": "carrier_account",
    "accounts.ClientEvent": "client",
    "accounts.AccountEvent": "account",
    "accounts.AliasEvent": "alias",
    "dids.DIDEvent": "did",
    "dids.DIDPriceEvent": "did_price",
    "rental_plans.RentalPlanEvent": "rental_plan",
    "billing.ProductEvent": "product",
    "billing.ProductMappingEvent": "product_mapping",
    "billing.RateTableEvent": "rate_table",
    "billing.RateEvent": "rate",
    "core.UserEvent": "user",
}
WORDS = {
    "carrier_account": "address",
    "did": "DID",
    "did_price": "own price of DID",
    "product_mapping": "product mapping",
    "rate_table": "rate table",
    "rental_plan": "rental plan",
}
# Rows that are shown on another row's page, which their entries then link to.
PAGELESS = {"did_price", "rate", "product_mapping"}
NAME_FIELDS = ("name", "network", "username", "number", "code", "prefix")
# Of no interest to a reader, or following from another field that changed.
UNSAID = {"id", "state_since", "balance", "ha1_md5", "ha1_sha256"}
MOST_SINGLE = 20
MOST_NAMES = 5
MOST_FIELDS = 12
VERBS = {"insert": "added", "update": "changed", "delete": "deleted"}


@duty(seconds=1.0)
def log_changes() -> bool:
    """Log what the histories and the ledger hold beyond what was logged."""
    ledger = Source("ledger", ledger_moves(), "at")
    histories = {history(label): kind for label, kind in FOLLOWED.items()}
    names = waiting([*histories, ledger])
    for source, kind in histories.items():
        if source.name in names:
            with new_rows(source) as found:
                if found:
                    write_entries(entries_for(source.rows.model, kind, found))
    if ledger.name in names:
        with new_rows(ledger) as found:
            if found:
                write_entries(ledger_entry(row) for row in found)
    return False


def history(label: str) -> Source:
    """Return the history table of that model as what is followed."""
    rows = apps.get_model(label)._default_manager.select_related("pgh_context")
    return Source(f"history:{label}", rows, "pgh_created_at")


def ledger_moves() -> models.QuerySet[LedgerEntry]:
    """Return the movements to log: all but the charges of calls, which are on the CDRs and as many as the calls.

    Nor those of rentals, one for each number each month: who books them tells the sum of each account.
    """
    moves = LedgerEntry.objects.filter(attempt_id__isnull=True).exclude(idempotency_key__startswith="rental:")
    return moves.select_related("balance", "actor")


def entries_for(events: Any, kind: str, rows: list[Any]) -> list[LogEntry]:
    """Return the entries of changes of one kind; many alike, made at once by one person, in one entry."""
    groups: dict[tuple[Any, str, Any], list[Any]] = defaultdict(list)
    for row in rows:
        groups[row.pgh_context_id, row.pgh_label, row.pgh_created_at].append(row)
    names = Labels()
    actors = actor_names(rows)
    entries = []
    for group in groups.values():
        actor = actors.get(group[0].pgh_context_id, "The system")
        total, first = whole_of(events, group, rows)
        if total > MOST_SINGLE:
            # A transaction larger than what is read at once is told where it begins, and once.
            if group[0].pk == first:
                entries.append(summary(kind, group, actor, total))
            continue
        before = previous(events, [row for row in group if row.pgh_label == "update"])
        for row in group:
            changes = differences(before.get(row.pk), row, names) if row.pgh_label == "update" else []
            if row.pgh_label != "update" or changes:
                entries.append(single(kind, row, actor, changes, names))
    return entries


def whole_of(events: Any, group: list[Any], read: list[Any]) -> tuple[int, int]:
    """Return how many changes the transaction of a group made in all, and the id of the first of them."""
    context, last = group[0].pgh_context_id, read[-1].pk
    if context is None or (len(group) <= MOST_SINGLE and len(read) < AT_ONCE and group[-1].pk != last):
        return len(group), group[0].pk
    found = events._default_manager.filter(
        pgh_context_id=context, pgh_label=group[0].pgh_label, pgh_created_at=group[0].pgh_created_at
    ).aggregate(total=Count("pk"), first=Min("pk"))
    return found["total"], found["first"]


def actor_names(rows: Iterable[Any]) -> dict[Any, str]:
    """Return who made each change, by its context."""
    told = {row.pgh_context_id: row.pgh_context.metadata for row in rows if row.pgh_context_id}
    users = dict(
        User.objects.filter(pk__in={m.get("user") for m in told.values()} - {None}).values_list("pk", "username")
    )
    return {
        context: users.get(metadata.get("user")) or metadata.get("username") or "The system"
        for context, metadata in told.items()
    }


def previous(events: Any, rows: list[Any]) -> dict[int, Any]:
    """Return the version before each of these, by the id of the later one."""
    if not rows:
        return {}
    earlier = (
        events._default_manager.filter(pgh_obj_id=OuterRef("pgh_obj_id"), pk__lt=OuterRef("pk"))
        .order_by("-pk")
        .values("pk")
    )
    pairs = dict(
        events._default_manager.filter(pk__in=[row.pk for row in rows])
        .annotate(earlier=Subquery(earlier[:1]))
        .values_list("pk", "earlier")
    )
    found = events._default_manager.in_bulk([pk for pk in pairs.values() if pk])
    return {pk: found[earlier_pk] for pk, earlier_pk in pairs.items() if earlier_pk in found}


class Labels:
    """Names of related rows, each looked up once."""

    def __init__(self) -> None:
        self._known: dict[tuple[type[models.Model], Any], str] = {}

    def of(self, model: Any, pk: Any) -> str:
        """Return the name of a row, or its number where it is gone."""
        if (model, pk) not in self._known:
            row = model._default_manager.filter(pk=pk).first()
            self._known[model, pk] = str(row) if row is not None else f"#{pk}"
        return self._known[model, pk]


def differences(before: Any, after: Any, names: Labels) -> list[str]:
    """Return what changed between two versions, in words."""
    if before is None:
        return []
    changed = []
    for field in own_fields(after):
        old, new = getattr(before, field.attname), getattr(after, field.attname)
        if old != new:
            changed.append(f"{field.verbose_name}: {in_words(field, old, names)} → {in_words(field, new, names)}")
    return changed


def own_fields(row: Any) -> list[Any]:
    """Return the fields of a version that are the row's own, and worth telling."""
    return [f for f in row._meta.concrete_fields if not f.name.startswith("pgh_") and f.name not in UNSAID]


def in_words(field: Any, value: Any, names: Labels) -> str:
    """Return a value as people say it."""
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field.is_relation:
        return names.of(field.related_model, value)
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    return str(value)[:200]


def name_of(row: Any) -> str:
    """Return what a version's row is called."""
    if getattr(row, "did_id", None):
        return Labels().of(row._meta.get_field("did").related_model, row.did_id)
    for field in NAME_FIELDS:
        if value := getattr(row, field, ""):
            return f"+{value}" if field == "number" else str(value)
    return "any number" if hasattr(row, "code") or hasattr(row, "prefix") else f"#{row.pgh_obj_id}"


def refs_of(kind: str, row: Any, names: Labels) -> list[dict[str, Any]]:
    """Return the row and what it belongs to, so that the entry stands on their pages too."""
    refs = [] if kind in PAGELESS else ref(kind, row.pgh_obj_id, name_of(row))
    for field in own_fields(row):
        related = field.related_model._meta.model_name if field.is_relation else ""
        parent = {"carrier": "carrier", "account": "account", "alias": "alias", "client": "client",
                  "product": "product", "ratetable": "rate_table", "did": "did"}.get(related)  # fmt: skip
        if parent and (pk := getattr(row, field.attname)):
            refs += ref(parent, pk, names.of(field.related_model, pk))
    return refs


def single(kind: str, row: Any, actor: str, changes: list[str], names: Labels) -> LogEntry:
    """Return the entry of one change."""
    words = f"{actor} {VERBS.get(row.pgh_label, row.pgh_label)} {WORDS.get(kind, kind)} {name_of(row)}"
    if changes:
        more = f"; and {len(changes) - MOST_FIELDS} more" if len(changes) > MOST_FIELDS else ""
        words += f": {'; '.join(changes[:MOST_FIELDS])}{more}"
    return LogEntry(
        at=row.pgh_created_at,
        category=Category.CONFIGURATION,
        severity=Severity.NOTICE if row.pgh_label == "delete" else Severity.INFO,
        reason=f"{kind}_{VERBS.get(row.pgh_label, row.pgh_label)}",
        message=words + ".",
        refs=refs_of(kind, row, names),
        number=str(getattr(row, "number", "")) if kind == "did" else "",
    )


def summary(kind: str, rows: list[Any], actor: str, total: int) -> LogEntry:
    """Return one entry for many changes of one kind."""
    verb = VERBS.get(rows[0].pgh_label, rows[0].pgh_label)
    named = ", ".join(name_of(row) for row in rows[:MOST_NAMES])
    plural = f"{WORDS.get(kind, kind)}s" if kind != "alias" else "aliases"
    return LogEntry(
        at=rows[0].pgh_created_at,
        category=Category.CONFIGURATION,
        severity=Severity.NOTICE,
        reason=f"{kind}_{verb}",
        message=f"{actor} {verb} {total:,} {plural}: {named}, ….".replace("addresss", "addresses"),
    )


def ledger_entry(row: LedgerEntry) -> LogEntry:
    """Return the entry of one movement of a balance."""
    owner_kind, owner = owner_of(row.balance)
    label = str(owner) if owner else f"balance {row.balance_id}"
    who = row.actor.get_username() if row.actor else "The system"
    amount = f"{'' if row.amount < 0 else '+'}{money_text(row.amount)} {row.balance.currency}"
    note = f" ({row.note})" if row.note else ""
    return LogEntry(
        at=row.at,
        category=Category.BILLING,
        severity=Severity.INFO,
        reason=row.kind,
        message=(
            f"{who}: {row.get_kind_display().lower()} of {amount} for {owner_kind} {label}{note}; "
            f"balance {money_text(row.balance_after)} {row.balance.currency}."
        ),
        refs=ref(owner_kind, owner.pk, label) if owner else [],
    )
