"""What may be done to many DIDs of a list at once."""

from typing import Any

from django.db.models import QuerySet

from core.views import BulkAction
from dids.bulk_changes import BY_VERB
from dids.forms import BulkMapForm
from dids.models import DID
from dids.plans.forms import BulkPlansForm
from dids.quarantine import quarantine_days
from dids.services import delete_dids, release_dids, resume_dids, retire_dids, suspend_dids, unmap_dids

BULK_ACTIONS = (
    BulkAction(
        "map",
        "Map",
        confirm="Available numbers ring this alias from the next call on. You see each one before anything changes.",
        job=BY_VERB["map"],
        form_class=BulkMapForm,
    ),
    BulkAction(
        "plans",
        "Rental plans",
        confirm="What they cost by the month. You see each number before anything changes.",
        job=BY_VERB["plans"],
        form_class=BulkPlansForm,
    ),
    BulkAction(
        "suspend",
        "Suspend",
        confirm="Calls to these numbers are refused until they are resumed.",
        job=BY_VERB["suspend"],
    ),
    BulkAction("resume", "Resume", job=BY_VERB["resume"]),
    BulkAction(
        "unmap",
        "Unmap",
        confirm="These numbers ring nobody any more; they rest in quarantine before they are available again.",
        danger=True,
        job=BY_VERB["unmap"],
        options=lambda: {"quarantine": quarantine_days() > 0},
    ),
    BulkAction(
        "release",
        "Make available",
        confirm="These numbers leave quarantine. Retired ones need a reason, on their own pages.",
        job=BY_VERB["release"],
    ),
    BulkAction(
        "retire",
        "Retire",
        confirm="These numbers leave service, as when they go back to the carrier.",
        job=BY_VERB["retire"],
    ),
    BulkAction(
        "delete",
        "Delete",
        confirm="These numbers leave the inventory. Their history and past calls are kept.",
        danger=True,
    ),
)


class DIDBulkMixin:
    """What may be done to many DIDs at once, on every list of DIDs: all of them or none."""

    bulk_actions: tuple[BulkAction, ...] = BULK_ACTIONS

    @staticmethod
    def _ids(rows: QuerySet[DID]) -> list[int]:
        return list(rows.order_by().values_list("pk", flat=True))

    def bulk_suspend(self, rows: QuerySet[DID], actor: Any) -> str:
        """Suspend."""
        return f"{len(suspend_dids(actor=actor, did_ids=self._ids(rows))):,} DIDs suspended."

    def bulk_resume(self, rows: QuerySet[DID], actor: Any) -> str:
        """Resume."""
        return f"{len(resume_dids(actor=actor, did_ids=self._ids(rows))):,} DIDs resumed."

    def bulk_unmap(self, rows: QuerySet[DID], actor: Any) -> str:
        """Unmap."""
        rest = quarantine_days() > 0
        return f"{len(unmap_dids(actor=actor, did_ids=self._ids(rows), quarantine=rest)):,} DIDs unmapped."

    def bulk_release(self, rows: QuerySet[DID], actor: Any) -> str:
        """Make available."""
        return f"{len(release_dids(actor=actor, did_ids=self._ids(rows))):,} DIDs are available."

    def bulk_retire(self, rows: QuerySet[DID], actor: Any) -> str:
        """Retire."""
        return f"{len(retire_dids(actor=actor, did_ids=self._ids(rows))):,} DIDs retired."

    def bulk_delete(self, rows: QuerySet[DID], actor: Any) -> str:
        """Delete."""
        return f"{delete_dids(actor=actor, did_ids=self._ids(rows)):,} DIDs deleted."
